#include "cli/send_work.hpp"

#include "base/assert.hpp"
#include "base/clean_text.hpp"
#include "cli/client_world.hpp"
#include "cli/send_options.hpp"
#include "service/send_attempt.hpp"
#include "world/wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using Kind = smtp::Outcome::Kind;
using RecipientState = service::SendEntry::Recipient::State;
using rules::SendVerdict;

constexpr std::size_t reply_octets = 500;
constexpr Duration lookup_limit = std::chrono::seconds{30};

SendTry finished(rules::SendReport report) {
  SendTry done{.report = std::move(report)};
  done.verdict = rules::verdict_on(done.report);
  done.last_words = LogText(rules::last_words(done.report), reply_octets).text();
  return done;
}

SendTry not_reached(std::string why) { return finished({.unreachable = std::move(why)}); }

std::vector<mail::Address> waiting_of(const service::SendEntry& entry) {
  std::vector<mail::Address> waiting;
  for (const auto& recipient : entry.recipients) {
    if (recipient.state == RecipientState::waiting) waiting.push_back(recipient.address);
  }
  return waiting;
}

bool is_in_doubt(const SendTry& done) {
  return std::ranges::count(done.report.outcomes, Kind::unknown, &smtp::Outcome::kind) > 0;
}

void note_outcome(service::SendEntry::Recipient& recipient, const smtp::Outcome& outcome) {
  if (outcome.kind == Kind::delivered) recipient.state = RecipientState::delivered;
  if (outcome.kind == Kind::permanent) recipient.state = RecipientState::refused;
  if (outcome.code == 0 && outcome.text.empty()) return;
  const auto words = outcome.code == 0 ? outcome.text : fmt::format("{} {}", outcome.code, outcome.text);
  recipient.reply = LogText(words, reply_octets).text();
}

std::string server_of(const service::SendEntry& entry) {
  return entry.via_queue ? entry.host : fmt::format("{} port {}", entry.host, entry.port);
}

}  // namespace

service::ServerAccess access_of(const service::SendEntry& entry, const std::optional<service::Credentials>& login) {
  service::ServerAccess access{.host = entry.host,
                               .tls = entry.tls,
                               .verifies_certificate = entry.verifies_certificate,
                               .hello_name = entry.hello_name,
                               .timeout = entry.timeout};
  if (login) access.login = {login->user, login->password.copy()};
  return access;
}

SendTry try_once(const service::SendEntry& entry, const service::FileLetter& letter,
                 const std::optional<service::Credentials>& login, service::ConversationWatcher& watcher) {
  auto endpoints = find_endpoints(entry.host, entry.port, family_of(entry), entry.timeout.value_or(lookup_limit));
  if (!endpoints) {
    auto done = not_reached(endpoints.error().text);
    done.host_is_unknown = true;
    return done;
  }
  auto access = access_of(entry, login);
  access.endpoints = std::move(*endpoints);
  return try_once(entry, letter, std::move(access), watcher);
}

SendTry try_once(const service::SendEntry& entry, const service::FileLetter& letter, service::ServerAccess access,
                 service::ConversationWatcher& watcher) {
  auto world = ClientWorld::make();
  if (!world) return not_reached(world.error().text);
  const service::SendOrder order{.sender = entry.sender, .recipients = waiting_of(entry), .letter = letter};
  service::SendAttempt attempt({(*world)->network(), (*world)->workers()}, access, order, watcher);
  return finished((*world)->run(attempt.run()));
}

void note(service::SendEntry& entry, const SendTry& done) {
  ++entry.attempts;
  entry.last_words = done.last_words;
  auto outcome = done.report.outcomes.begin();
  for (auto& recipient : entry.recipients) {
    if (recipient.state != RecipientState::waiting) continue;
    if (outcome == done.report.outcomes.end()) break;
    note_outcome(recipient, *outcome++);
  }
}

bool has_waiting(const service::SendEntry& entry) {
  return std::ranges::count(entry.recipients, RecipientState::waiting, &service::SendEntry::Recipient::state) > 0;
}

bool has_refused(const service::SendEntry& entry) {
  return std::ranges::count(entry.recipients, RecipientState::refused, &service::SendEntry::Recipient::state) > 0;
}

std::string told(const SendTry& done, const service::SendEntry& entry) {
  const auto refusal = LogText(rules::refusal(done.report), reply_octets).text();
  const auto& words = done.verdict == SendVerdict::refused && !refusal.empty() ? refusal : done.last_words;
  switch (done.verdict) {
    case SendVerdict::delivered:
      return fmt::format("{} has taken the message", server_of(entry));
    case SendVerdict::later:
      return fmt::format("{} does not take the message now: {}", server_of(entry), words);
    case SendVerdict::refused:
      return fmt::format("{} refuses the message for good: {}", server_of(entry), words);
    case SendVerdict::login_refused:
      return fmt::format("{} does not let {} in: {}", server_of(entry), LogText(entry.user, 80).text(), words);
    case SendVerdict::unreachable:
      return done.host_is_unknown ? fmt::format("the server is not known: {}", words)
                                  : fmt::format("{} cannot be reached: {}", server_of(entry), words);
    case SendVerdict::lost:
      return fmt::format("the conversation with {} broke off: {}{}", server_of(entry), words,
                         is_in_doubt(done) ? "; the message was sent whole, so that it may have been delivered" : "");
    case SendVerdict::protocol:
      return fmt::format("{} answers what SMTP does not allow: {}", server_of(entry), words);
    case SendVerdict::no_tls:
      return fmt::format("no TLS with {}: {}; nothing was sent", server_of(entry), words);
    case SendVerdict::unreadable:
      return fmt::format("the message could not be sent: {}", words);
  }
  bug("a verdict is told");
}

ExitStatus status_of(const SendTry& done) {
  switch (done.verdict) {
    case SendVerdict::delivered:
      return ExitStatus::ok;
    case SendVerdict::later:
    case SendVerdict::lost:
      return ExitStatus::temporary;
    case SendVerdict::unreachable:
      return done.host_is_unknown ? ExitStatus::no_host : ExitStatus::temporary;
    case SendVerdict::refused:
    case SendVerdict::no_tls:
      return ExitStatus::unavailable;
    case SendVerdict::login_refused:
      return ExitStatus::no_permission;
    case SendVerdict::protocol:
      return ExitStatus::protocol;
    case SendVerdict::unreadable:
      return ExitStatus::io_fault;
  }
  bug("a verdict has a status");
}

void sleep_for(Duration wait) {
  auto world = ClientWorld::make();
  if (!world) return;
  (*world)->run([](world::Loop& loop, Duration length) -> world::Task<bool> {
    co_await world::sleep_until(loop, after(loop.now(), length));
    co_return true;
  }((*world)->loop(), wait));
}

}  // namespace posthorn::cli
