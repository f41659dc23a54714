#include "cli/send_foreground.hpp"

#include "base/assert.hpp"
#include "cli/local_server.hpp"
#include "cli/send_background.hpp"
#include "cli/send_screen.hpp"
#include "system/clock.hpp"

#include <unistd.h>

namespace posthorn::cli {
namespace {

using RecipientState = service::SendEntry::Recipient::State;
using rules::SendVerdict;

/// Whether the attempt left somebody who may be tried again without asking the user.
bool may_go_on(const SendTry& done) {
  // A server that refuses the conversation for good has refused everybody.
  const bool some_refused = done.verdict == SendVerdict::refused && !done.report.end;
  return (done.verdict == SendVerdict::later || some_refused) && rules::has_waiting(done.report);
}

}  // namespace

ExitStatus SendForeground::run() {
  if (const auto prepared = prepare(); !prepared) return refuse(prepared.error());
  const auto status = send();
  // Whether the screen could be written changes nothing of what became of the mail.
  if (!console_.flush()) console_.drop_output();
  return status;
}

Judged<> SendForeground::prepare() {
  auto entry = judge_order(options_);
  if (!entry) return std::unexpected(entry.error());
  entry_ = std::move(*entry);
  auto letter = open_letter(options_, entry_);
  if (!letter) return std::unexpected(letter.error());
  letter_ = std::move(*letter);
  auto login = read_login(entry_);
  if (!login) return std::unexpected(login.error());
  login_ = std::move(*login);
  return {};
}

ExitStatus SendForeground::send() {
  auto done = attempt();
  note(entry_, done);
  tell(done);
  if (may_go_on(done)) return go_on(done);
  return status_of(done);
}

SendTry SendForeground::attempt() {
  SendScreen screen(console_, {.quiet = options_.quiet, .shows_progress = ::isatty(STDERR_FILENO) == 1});
  return entry_.via_queue ? try_local_queue(options_.configuration, entry_, *letter_, screen)
                          : try_once(entry_, *letter_, login_, screen);
}

void SendForeground::tell(const SendTry& done) {
  if (done.verdict == SendVerdict::delivered) {
    if (!options_.quiet) console_.print("{}\n", console_.painted(Paint::good, told(done, entry_)));
    return;
  }
  console_.complain("{}", told(done, entry_));
  if (entry_.recipients.size() == 1) return;
  for (const auto& recipient : entry_.recipients) {
    const auto separator = recipient.reply.empty() ? "" : ": ";
    console_.complain("  {}: {}{}{}", recipient.address.to_unicode(), name_of(recipient.state), separator,
                      recipient.reply);
  }
}

ExitStatus SendForeground::go_on(const SendTry& first) {
  const auto status = options_.foreground ? wait_here(first) : go_to_background();
  return status == ExitStatus::ok && has_refused(entry_) ? ExitStatus::unavailable : status;
}

/// --foreground: the same waits as in the background, with the dialogue of each attempt.
ExitStatus SendForeground::wait_here(SendTry last) {
  const rules::SendRetrySettings settings{.retry_after = entry_.retry_after, .expire = entry_.expire};
  const system::SystemClock clock;
  const auto began = clock.now();
  while (has_waiting(entry_)) {
    const auto wait = rules::next_wait(settings, last.last_words, clock.now() - began);
    if (!wait) {
      console_.complain("given up after {}: {}", to_text(entry_.expire), last.last_words);
      return ExitStatus::temporary;
    }
    if (!options_.quiet) console_.complain("trying again in {}", to_text(*wait));
    sleep_for(*wait);
    last = attempt();
    note(entry_, last);
    tell(last);
    if (last.verdict == SendVerdict::unreadable || last.verdict == SendVerdict::login_refused) return status_of(last);
  }
  return has_refused(entry_) ? ExitStatus::unavailable : ExitStatus::ok;
}

ExitStatus SendForeground::go_to_background() {
  const auto handed_over = hand_over_to_background(entry_, *letter_, options_.configuration);
  if (!handed_over) {
    console_.complain("it was not sent and cannot be kept for another attempt: {}", handed_over.error().text);
    console_.complain("make room or set XDG_STATE_HOME and send it again, or use --foreground");
    return ExitStatus::temporary;
  }
  // Said even with --quiet: nobody else tells that the mail is still on its way.
  console_.remark("{}\n", *handed_over);
  return ExitStatus::ok;
}

ExitStatus SendForeground::refuse(const Refusal& refusal) {
  console_.complain("{}", refusal.text);
  return refusal.status;
}

}  // namespace posthorn::cli
