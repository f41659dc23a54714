#include "smtp/command_tour.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace posthorn::smtp {
namespace {

using enum ProbedCommand;
using Reason = SessionEnd::Reason;

constexpr std::array order{help, noop, vrfy, expn, send, soml, saml, turn};

/// RFC 821 §3.4: each begins a transaction, as MAIL does.
bool begins_transaction(ProbedCommand command) { return command == send || command == soml || command == saml; }

/// RFC 5321 §4.5.1 names VRFY as well, and §7.3 lets a server refuse it.
bool is_required(ProbedCommand command) { return command == noop || command == rset; }

}  // namespace

CommandTour::CommandTour(Settings settings) : settings_(std::move(settings)), resets_(settings_.transaction_is_open) {}

std::optional<std::string> CommandTour::next() {
  if (fault_ || turned_) return std::nullopt;
  const bool is_over = place_ == order.size();
  // What a mail left open is ended before the next transaction; what the tour began, at once.
  const bool is_due = is_over || begins_transaction(order.at(place_)) || begins_transaction(command_);
  if (resets_ && is_due) {
    command_ = rset;
  } else if (is_over) {
    return std::nullopt;
  } else {
    command_ = order.at(place_++);
  }
  return line();
}

std::string CommandTour::line() const {
  const auto name = reply_row(command_).name;
  if (begins_transaction(command_)) return fmt::format("{} FROM:<{}>", name, settings_.sender);
  const bool asks_about_user = command_ == vrfy || command_ == expn;
  return asks_about_user ? fmt::format("{} {}", name, settings_.user) : std::string(name);
}

void CommandTour::answered(const PeerReply& reply) {
  ensure(!fault_, "a tour that is over asks nothing");
  // RFC 5321 §3.8: the server closes.
  if (reply.code == 421) return stop(Reason::refused_for_now, reply);
  if (reply.is_intermediate()) return stop(Reason::protocol_error, reply);
  if (command_ == rset) resets_ = false;
  if (reply.is_success()) {
    resets_ = resets_ || begins_transaction(command_);
    turned_ = command_ == turn;
  } else if (is_required(command_)) {
    const bool is_error = verdict_on(command_, reply.code).meaning == ReplyMeaning::error;
    stop(is_error               ? Reason::protocol_error
         : reply.is_transient() ? Reason::refused_for_now
                                : Reason::refused_for_good,
         reply);
  }
}

void CommandTour::stop(Reason reason, const PeerReply& reply) {
  fault_ = {.command = command_, .reason = reason, .code = reply.code, .text = reply.text()};
}

}  // namespace posthorn::smtp
