#include "cli/send_worker.hpp"

#include "base/assert.hpp"
#include "cli/local_server.hpp"
#include "cli/send_options.hpp"
#include "rules/retry_schedule.hpp"
#include "system/machine.hpp"
#include "system/own_user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using rules::SendVerdict;

constexpr Duration lock_wait = std::chrono::seconds{2};
constexpr Duration just_begun = std::chrono::seconds{30};
constexpr Duration cancel_watch = std::chrono::seconds{1};

/// What the background does not go on after: no later attempt would end otherwise.
bool is_final(const SendTry& done) {
  return done.verdict == SendVerdict::unreadable || done.verdict == SendVerdict::login_refused ||
         (done.verdict == SendVerdict::refused && done.report.end.has_value());
}

}  // namespace

ExitStatus SendWorker::run(const system::TakeOver& take_over) {
  if (const auto opened = open(); !opened) {
    take_over("!" + opened.error().text);
    return ExitStatus::temporary;
  }
  const auto words = plan_in_words();
  log_->say(words.substr(0, words.find('\n')));
  take_over(words);
  return work();
}

Result<> SendWorker::open() {
  auto entries = service::SendEntries::open(disk_, folder_);
  if (!entries) return failure(std::move(entries.error()));
  entries_ = std::move(*entries);
  auto lock = entries_->lock(id_, lock_wait);
  if (!lock && lock.error().kind == Error::Kind::in_use)
    return failure(Error::Kind::in_use, "another process works on it");
  if (!lock) return failure(std::move(lock.error()));
  lock_ = std::move(*lock);
  auto entry = entries_->read(id_);
  if (!entry) return failure(std::move(entry.error()));
  entry_ = std::move(*entry);
  auto text = entries_->open_text(id_);
  if (!text) return failure(std::move(text.error()));
  auto letter = service::FileLetter::make_as_is({.file = std::move(*text), .name = {}});
  if (!letter) return failure(std::move(letter.error()));
  letter_ = std::move(*letter);
  auto log = SendLog::open(entries_->folder(), id_ + ".log", clock_);
  if (!log) return failure(std::move(log.error()));
  log_ = std::move(*log);
  started_ = clock_.now();
  age_at_start_ = entry_.age;
  return {};
}

std::string SendWorker::plan_in_words() const {
  auto wait = rules::wait_left(entry_.wait_began, entry_.next_attempt, clock_.wall());
  const Duration whole = entry_.next_attempt - entry_.wait_began;
  if (whole - wait < just_begun) wait = whole;  // as it was planned, not what the start of a process took of it
  const auto when = clock_.wall() + std::chrono::duration_cast<WallTime::duration>(wait);
  return fmt::format(
      "posthorn: background process {} tries again in {} (at {}), until {} takes it, refuses it for good, or {} are "
      "over.\n"
      "posthorn: it is entry {}, its log {}; \"posthorn send --list\" shows it, \"posthorn send --cancel {}\" ends it.",
      system::process_id(), to_text(wait), system::to_local_text(when), entry_.host, to_text(entry_.expire), id_,
      entries_->log_path(id_), id_);
}

ExitStatus SendWorker::work() {
  while (wait()) {
    if (!attempt()) break;
  }
  return finish();
}

/// In pieces, so that a request to end is seen. False: it came.
bool SendWorker::wait() {
  const auto until = after(clock_.now(), rules::wait_left(entry_.wait_began, entry_.next_attempt, clock_.wall()));
  while (true) {
    if (entries_->is_cancelled(id_)) return false;
    const auto left = until - clock_.now();
    if (left <= Duration{}) return true;
    sleep_for(std::min(left, cancel_watch));
  }
}

/// False: there is nothing more to try.
bool SendWorker::attempt() {
  const auto done = try_server();
  note(entry_, done);
  log_->say(told(done, entry_));
  if (!has_waiting(entry_) || is_final(done) || !plan_next(done)) return false;
  save();
  return true;
}

SendTry SendWorker::try_server() {
  if (entry_.via_queue) return try_local_queue(configuration_, entry_, *letter_, *log_);
  const auto login = read_login(entry_);
  if (login) return try_once(entry_, *letter_, *login, *log_);
  return {.last_words = login.error().text};  // the file may come back: a disk that is not mounted
}

bool SendWorker::plan_next(const SendTry& done) {
  const rules::SendRetrySettings settings{.retry_after = entry_.retry_after, .expire = entry_.expire};
  entry_.age = age();
  const auto wait = rules::next_wait(settings, done.last_words, entry_.age);
  if (!wait) {
    log_->say(fmt::format("given up after {}", to_text(entry_.expire)));
    return false;
  }
  entry_.wait_began = clock_.wall();
  entry_.next_attempt = entry_.wait_began + std::chrono::duration_cast<WallTime::duration>(*wait);
  log_->say(fmt::format("trying again in {}", to_text(*wait)));
  return true;
}

Duration SendWorker::age() const { return age_at_start_ + (clock_.now() - started_); }

void SendWorker::save() {
  if (const auto saved = entries_->update(entry_); !saved)
    log_->say("the entry could not be written: " + saved.error().text);
}

ExitStatus SendWorker::finish() {
  const bool all_delivered = !has_waiting(entry_) && !has_refused(entry_);
  // Also while the attempt ran that did not deliver it.
  if (!all_delivered && entries_->is_cancelled(id_)) {
    log_->say("cancelled");
    if (const auto removed = entries_->remove_as_asked(id_); !removed) log_->say(removed.error().text);
    return ExitStatus::ok;
  }
  const auto what = all_delivered ? fmt::format("delivered to {} after {} attempts", entry_.host, entry_.attempts)
                                  : fmt::format("not delivered to everybody: {}", entry_.last_words);
  log_->say(what);
  if (all_delivered) {
    if (const auto removed = entries_->remove(id_); !removed) log_->say(removed.error().text);
  } else {
    entry_.state = service::SendEntry::State::failed;
    save();
  }
  notify(what);
  return all_delivered ? ExitStatus::ok : ExitStatus::unavailable;
}

void SendWorker::notify(const std::string& what) {
  std::string text = fmt::format("Your mail \"{}\", which was to be tried again:\n\n  {}\n\n", entry_.subject, what);
  for (const auto& recipient : entry_.recipients) {
    text += fmt::format("  {}: {} {}\n", recipient.address.to_unicode(), name_of(recipient.state), recipient.reply);
  }
  text += fmt::format("\nThe log of all attempts: {}\n", entries_->log_path(id_));
  if (entry_.state == service::SendEntry::State::failed) {
    text += fmt::format("Its text is kept there as {}.eml until \"posthorn send --cancel {}\".\n", id_, id_);
  }
  const auto told_by_mail = mail_own_user(configuration_, "Mail " + what, text);
  log_->say(told_by_mail ? "the local user was told by mail"
                         : "no mail to the local user: " + told_by_mail.error().text);
}

}  // namespace posthorn::cli
