#include "service/queue_view.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "mail/domain.hpp"
#include "service/json_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::service {
namespace {

using Status = store::RecipientStatus;

constexpr std::array<std::pair<Status, std::string_view>, 5> statuses{{{Status::queued, "queued"},
                                                                       {Status::held, "held"},
                                                                       {Status::delivered, "delivered"},
                                                                       {Status::failed, "bounced"},
                                                                       {Status::removed, "removed"}}};

std::string destination_text(const Destination& destination) {
  if (destination.lane == Lane::remote) return destination.key;
  return "local:" + destination.key;
}

/// A recipient that was not tried yet is due since the message came.
void put_recipient(std::string& out, const mail::Recipient& recipient, const store::RecipientState& state,
                   WallTime arrival, const Routes& routes) {
  JsonObject object(out);
  object.text("address", recipient.address.to_string())
      .text("status", status_text(state.status))
      .number("attempts", state.attempts);
  if (state.status == Status::queued) {
    object.time("next_attempt", std::max(state.next_attempt, arrival));
  } else {
    object.null("next_attempt");
  }
  object.text_or_null("last_reply", state.reply)
      .text("destination", destination_text(routes.destination_of(recipient.address)));
  if (!state.status_code.empty()) object.text("status_code", state.status_code);
  if (!state.remote_host.empty()) object.text("host", state.remote_host);
  if (state.ambiguous > 0) object.number("outcome_unknown", state.ambiguous);
  object.end();
}

/// An address compares without its case: operators type what they read in a log.
bool is_meant(std::string_view wanted, const mail::Address& address) {
  if (wanted.starts_with('@')) return ascii::same_word(wanted.substr(1), address.domain());
  return ascii::same_word(wanted, address.to_string());
}

bool is_domain(std::string_view wanted, const mail::Address& address) {
  if (ascii::same_word(wanted, address.domain())) return true;
  const auto canonical = mail::Domain::parse(wanted);
  return canonical && canonical->text() == address.domain();
}

}  // namespace

std::string_view status_text(Status status) {
  const auto* found = std::ranges::find(statuses, status, &std::pair<Status, std::string_view>::first);
  ensure(found != statuses.end(), "every status has a name");
  return found->second;
}

std::optional<Status> status_named(std::string_view name) {
  const auto* found = std::ranges::find(statuses, name, &std::pair<Status, std::string_view>::second);
  return found == statuses.end() ? std::nullopt : std::optional{found->first};
}

void put_message(std::string& out, const store::StoredMessage& message, const Routes& routes) {
  JsonObject object(out);
  object.text("id", message.id.to_string())
      .text("sender", message.envelope.sender ? message.envelope.sender->to_string() : std::string{})
      .number("size", message.octets)
      .time("arrived", message.arrival);
  if (message.damaged) object.flag("damaged", true);
  object.open("recipients");
  out += '[';
  for (std::size_t i = 0; i < message.states.size(); ++i) {
    if (i > 0) out += ',';
    put_recipient(out, message.envelope.recipients[i], message.states[i], message.arrival, routes);
  }
  out += ']';
}

bool is_waiting(const store::StoredMessage& message) {
  return std::ranges::any_of(message.states, [](const store::RecipientState& state) {
    return state.status == Status::queued || state.status == Status::held;
  });
}

bool QueueFilter::takes_sender(const mail::Envelope& envelope) const {
  if (!sender) return true;
  if (!envelope.sender) return sender->empty() || *sender == "<>";
  return is_meant(*sender, *envelope.sender);
}

bool QueueFilter::takes_recipient(const mail::Address& address, Status state) const {
  if (status && *status != state) return false;
  if (recipient && !is_meant(*recipient, address)) return false;
  return !domain || is_domain(*domain, address);
}

bool QueueFilter::takes(const store::StoredMessage& message) const {
  if (!takes_sender(message.envelope)) return false;
  if (!recipient && !domain && !status) return true;
  for (std::size_t i = 0; i < message.states.size(); ++i) {
    if (takes_recipient(message.envelope.recipients[i].address, message.states[i].status)) return true;
  }
  return false;
}

}  // namespace posthorn::service
