#include "service/remote_letter.hpp"

#include "base/clean_text.hpp"
#include "base/planted_fault.hpp"
#include "rules/target_walk.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;

constexpr std::size_t reply_octets = 512;
constexpr std::size_t dialogue_octets = 16U << 10;

What what_of(smtp::Outcome::Kind kind) {
  using enum smtp::Outcome::Kind;
  switch (kind) {
    case delivered:
      return What::delivered;
    case temporary:
    case untried:
      return What::deferred;
    case permanent:
      return What::failed;
    case unknown:
      return planted(PlantedFault::remote_lost_answer_is_success) ? What::delivered : What::unknown;
  }
  bug("an outcome without a result");
}

/// What a reply tells of the host, whatever the message. RFC 5321 §4.2.2: 421, and a temporary refusal of the session.
rules::Health health_by(const smtp::Outcome& outcome) {
  if (outcome.kind != smtp::Outcome::Kind::temporary) return rules::Health::answered;
  if (outcome.step == smtp::Step::greeting) return rules::Health::turned_away;
  return outcome.code == 421 || outcome.step == smtp::Step::hello ? rules::Health::throttled : rules::Health::answered;
}

}  // namespace

RemoteLetter::RemoteLetter(Attempt attempt)
    : attempt_(std::move(attempt)), original_(std::move(attempt_.text)), open_(attempt_.recipients) {
  for (const auto place : open_) {
    index_of_.push_back(last_.size());
    last_.push_back(
        {.recipient = place, .what = What::deferred, .status_code = "4.4.1", .reply = "", .remote_host = ""});
  }
}

std::string RemoteLetter::domain() const {
  return std::string(attempt_.message.envelope.recipients[attempt_.recipients.front()].address.domain());
}

bool RemoteLetter::has_open_for(std::string_view host) const {
  return std::ranges::any_of(open_, [&](std::uint32_t place) { return is_open_for(host, place); });
}

bool RemoteLetter::moves_to(const std::string& destination) {
  if (attempt_.destination == destination || !attempt_.moves_to) return true;
  attempt_.destination = destination;
  return attempt_.moves_to(destination);
}

AttemptResult RemoteLetter::result_elsewhere() {
  return {.recipients = {}, .health = rules::Health::not_tried, .waits_elsewhere = true};
}

smtp::ClientMessage RemoteLetter::begin(std::string_view host, bool in_seven_bits) {
  auto& source = text(in_seven_bits);
  source.rewind();
  smtp::ClientMessage message{.envelope = attempt_.message.envelope, .size = source.octets()};
  message.needs_smtputf8 = message.envelope.smtputf8;
  if (in_seven_bits) message.envelope.body = mail::BodyType::seven_bit;
  message.envelope.recipients.clear();
  for (const auto place : open_) {
    if (is_open_for(host, place)) message.envelope.recipients.push_back(attempt_.message.envelope.recipients[place]);
  }
  return message;
}

TextSource& RemoteLetter::text(bool in_seven_bits) {
  if (in_seven_bits) return *converted_;
  return original_;
}

world::Task<Result<>> RemoteLetter::convert(world::Loop& loop) {
  if (converted_) co_return Result<>{};
  auto made = co_await SevenBitText::make(loop, original_);
  if (!made) co_return failure(std::move(made.error()));
  converted_.emplace(std::move(*made));
  co_return Result<>{};
}

void RemoteLetter::note(const smtp::MessageDone& done, std::string_view host) {
  std::vector<std::uint32_t> still_open;
  std::vector<std::size_t> still_index;
  std::size_t told = 0;
  for (std::size_t at = 0; at < open_.size(); ++at) {
    if (!is_open_for(host, open_[at])) {
      still_open.push_back(open_[at]);
      still_index.push_back(index_of_[at]);
      continue;
    }
    const auto& outcome = done.outcomes.at(planted(PlantedFault::remote_outcomes_mixed_up) ? 0 : told);
    ++told;
    last_[index_of_[at]] = result_of(open_[at], outcome, host);
    last_[index_of_[at]].passed_on = done.dsn_passed_on;
    last_[index_of_[at]].in_mailbox = done.is_final_delivery;
    const bool sends_again = planted(PlantedFault::remote_sends_after_success);
    const bool is_open =
        sends_again || outcome.kind == smtp::Outcome::Kind::untried || rules::may_try_elsewhere(outcome);
    if (outcome.kind == smtp::Outcome::Kind::delivered) health_ = rules::Health::worked;
    if (outcome.code != 0 && health_ != rules::Health::worked) health_ = health_by(outcome);
    if (!is_open) continue;
    const bool is_refused = outcome.kind != smtp::Outcome::Kind::untried && outcome.code != 0;
    if (is_refused && !planted(PlantedFault::remote_refused_recipient_asked_again)) refused_.emplace(host, open_[at]);
    still_open.push_back(open_[at]);
    still_index.push_back(index_of_[at]);
  }
  open_ = std::move(still_open);
  index_of_ = std::move(still_index);
}

void RemoteLetter::note_inconvertible(const Error& why, std::string_view host) {
  using Kind = smtp::Outcome::Kind;
  smtp::Outcome outcome{Kind::temporary, smtp::Step::mail, {4, 3, 0}, 0, "the message could not be read"};
  if (why.kind == Error::Kind::unsupported) {
    // RFC 6152 §3: 8-bit text may not be given to a server without 8BITMIME.
    outcome = {Kind::permanent,
               smtp::Step::mail,
               {5, 6, 3},
               0,
               fmt::format("the server takes 7-bit text only, and the message cannot be converted: {}", why.text)};
  }
  note({.outcomes = std::vector(open_.size(), outcome)}, host);
}

RecipientResult RemoteLetter::result_of(std::uint32_t recipient, const smtp::Outcome& outcome,
                                        std::string_view host) const {
  const auto words = outcome.code == 0 ? outcome.text : fmt::format("{} {}", outcome.code, outcome.text);
  return {.recipient = recipient,
          .what = what_of(outcome.kind),
          .status_code = outcome.status.to_string(),
          .reply = LogText(words, reply_octets).text(),
          .remote_host = std::string(host)};
}

void RemoteLetter::note_unreachable(std::string_view host, std::string_view why) {
  for (const auto index : index_of_) {
    last_[index].status_code = "4.4.1";
    last_[index].reply = LogText(why, reply_octets).text();
    last_[index].remote_host = host;
  }
  keep_dialogue(host, fmt::format("no connection: {}\n", LogText(why, reply_octets).text()));
}

void RemoteLetter::decide_all(const rules::Unroutable& why) {
  for (const auto index : index_of_) {
    last_[index].what = why.status.is_permanent() ? What::failed : What::deferred;
    last_[index].status_code = why.status.to_string();
    last_[index].reply = why.text;
  }
  health_ = rules::Health::not_tried;
  open_.clear();
  index_of_.clear();
}

void RemoteLetter::keep_dialogue(std::string_view host, std::string_view lines) {
  dialogue_ += fmt::format("=== {}\n", LogText(host, reply_octets).text());
  dialogue_ += lines;
  if (dialogue_.size() > dialogue_octets) dialogue_.erase(0, dialogue_.size() - dialogue_octets);
}

AttemptResult RemoteLetter::finish() {
  return {.recipients = std::move(last_), .health = health_, .dialogue = std::move(dialogue_)};
}

}  // namespace posthorn::service
