// ClientSession: one message, from MAIL to the answer to its end.
#include "base/assert.hpp"
#include "base/planted_fault.hpp"
#include "smtp/client_commands.hpp"
#include "smtp/client_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::smtp {
namespace {

using Reason = SessionEnd::Reason;
using Kind = Outcome::Kind;

constexpr mail::EnhancedStatus read_fault{4, 3, 0};
constexpr mail::EnhancedStatus content_fault_status{5, 6, 0};

Outcome delivery(const PeerReply& reply) {
  return {Kind::delivered, Step::final_dot, reply.status().value_or(mail::EnhancedStatus{2, 0, 0}), reply.code,
          reply.text()};
}

/// RFC 5321 §4.5.3.1.10: 452 to RCPT, and 552 from servers of old, mean: so many for one transaction, and no more.
bool is_too_many(const PeerReply& reply) {
  if (reply.code != 452 && reply.code != 552) return false;
  const auto status = reply.status();
  return !status || (status->subject() == 5 && status->detail() == 3);
}

std::string_view name_of(TextFault fault) {
  switch (fault) {
    case TextFault::bare_cr:
      return "a bare CR";
    case TextFault::bare_lf:
      return "a bare LF";
    case TextFault::nul:
      return "a NUL";
  }
  bug("a fault of a text has a name");
}

}  // namespace

// The beginning.

void ClientSession::begin_message() {
  auto message = *std::exchange(waiting_, std::nullopt);
  const auto recipients = message.envelope.recipients.size();
  if (!takes_more()) {
    transaction_.emplace(std::move(message), 0);
    finish_message();
    return leave({.reason = Reason::finished, .step = Step::mail});
  }
  const auto refused = refused_beforehand(message, peer_, encrypted_);
  const auto tried =
      std::min<std::size_t>({recipients, settings_->recipients_per_transaction, peer_.recipients_limit.value_or(~0U)});
  by_chunks_ = peer_.chunking && !masked_ && (settings_->chunking || message.envelope.body == mail::BodyType::binary);
  transaction_.emplace(std::move(message), refused ? recipients : tried);
  if (refused) {
    transaction_->decide_open(*refused);
    return finish_message(refused->status == not_seven_bit);
  }
  ++transactions_;
  become(ClientState::from);
  if (dirty_) {
    command(Step::reset, "RSET");
    if (!uses_pipeline()) return;
  }
  send_envelope();
}

/// MAIL; where pipelining is offered, RCPT and DATA with it (RFC 2920 §3.1: DATA ends the group).
void ClientSession::send_envelope() {
  const auto& message = transaction_->message();
  command(Step::mail, mail_command(message, peer_));
  if (!uses_pipeline()) return;
  for (std::size_t i = 0; i < transaction_->tried(); ++i) send_recipient(i);
  if (!by_chunks_ && !message.stops_before_data) command(Step::data, "DATA");
}

void ClientSession::send_recipient(std::size_t recipient) {
  const auto& message = transaction_->message();
  auto line =
      message.to_postmaster ? "RCPT TO:<postmaster>" : rcpt_command(message.envelope.recipients[recipient], peer_);
  command(Step::rcpt, std::move(line), recipient);
}

// The envelope's answers.

void ClientSession::on_reset(const PeerReply& reply) {
  if (!reply.is_success()) return unexpected(Step::reset, reply);
  dirty_ = false;
  const bool before_mail = transaction_ && !transaction_->was_answered();
  if (before_mail && !uses_pipeline()) send_envelope();
}

void ClientSession::on_mail(const PeerReply& reply) {
  transaction_->note_answer();
  if (reply.is_intermediate()) return unexpected(Step::mail, reply);
  if (!reply.is_success()) return transaction_->decide_open(refusal(Step::mail, reply));
  dirty_ = true;
  become(ClientState::to);
  if (!uses_pipeline()) send_recipient(0);
}

void ClientSession::on_recipient(std::size_t recipient, const PeerReply& reply) {
  if (reply.is_intermediate()) return unexpected(Step::rcpt, reply);
  if (reply.is_success()) {
    transaction_->accept(recipient, reply);
  } else {
    auto outcome = refusal(Step::rcpt, reply);
    if (planted(PlantedFault::client_soft_refusal_is_final)) outcome.kind = Kind::permanent;
    if (is_too_many(reply) && transaction_->has_accepted()) outcome.kind = Kind::untried;
    transaction_->decide(recipient, outcome);
  }
  const bool is_last = recipient + 1 == transaction_->tried();
  if (is_last) return after_recipients();
  if (!uses_pipeline()) send_recipient(recipient + 1);
}

void ClientSession::after_recipients() {
  const auto& message = transaction_->message();
  const bool data_was_sent = uses_pipeline() && !by_chunks_ && !message.stops_before_data;
  if (!transaction_->has_accepted()) return;
  if (message.stops_before_data) return command(Step::reset, "RSET");
  become(ClientState::data);
  if (by_chunks_) return start_content();
  if (!data_was_sent) command(Step::data, "DATA");
}

// The content.

void ClientSession::on_data(const PeerReply& reply) {
  if (reply.is_transient() || reply.is_permanent()) return transaction_->decide_open(refusal(Step::data, reply));
  if (!reply.is_intermediate()) return unexpected(Step::data, reply);
  if (transaction_->has_accepted()) return start_content();
  // RFC 2920 §3.1: DATA was on its way before every recipient was refused; the server gets an empty message and refuses it.
  // RFC 2033 §4.2 forbids an LMTP server to come here, and would leave no reply to wait for.
  if (is_lmtp()) {
    return lose({.reason = Reason::protocol_error, .step = Step::data, .code = reply.code, .text = reply.text()},
                read_fault);
  }
  command(Step::final_dot, ".");
}

void ClientSession::start_content() {
  become(ClientState::body);
  encoder_.reset();
  checker_.reset();
  content_octets_ = 0;
  if (by_chunks_) {
    // RFC 3030 §2: the whole message is one chunk, the last; one reply follows it.
    const auto line = fmt::format("BDAT {} LAST", transaction_->message().size);
    say(DialogueLine::Direction::sent, line);
    out_.append(line).append("\r\n");
  }
  ask(Question::content);
}

void ClientSession::provide(std::string_view piece) {
  answered(Question::content);
  content_octets_ += piece.size();
  if (planted(PlantedFault::client_dots_not_doubled)) {
    out_.append(piece);
    return ask(Question::content);
  }
  if (const auto fault = by_chunks_ ? add_to_chunk(piece) : encoder_.encode(piece, out_)) return content_fault(*fault);
  if (by_chunks_ && content_octets_ > transaction_->message().size)
    return give_up_message("it is longer than was said");
  ask(Question::content);
}

std::optional<TextFault> ClientSession::add_to_chunk(std::string_view piece) {
  out_.append(piece);
  const bool is_binary = transaction_->message().envelope.body == mail::BodyType::binary;
  return is_binary ? std::nullopt : checker_.check(piece);
}

void ClientSession::end_message() {
  answered(Question::content);
  if (by_chunks_) {
    if (content_octets_ != transaction_->message().size) return give_up_message("it is shorter than was said");
    if (!checker_.may_end()) return content_fault(TextFault::bare_cr);
  } else if (const auto fault = encoder_.finish(out_)) {
    return content_fault(*fault);
  }
  become(ClientState::dot);
  if (!by_chunks_) say(DialogueLine::Direction::sent, ".");
  transaction_->set_end_sent(!planted(PlantedFault::client_doubt_not_counted));
  // RFC 2033 §4.2: with LMTP one reply for each accepted recipient, in their order.
  if (!is_lmtp()) return unsent_.push_back({Step::final_dot});
  for (const auto recipient : transaction_->accepted()) unsent_.push_back({Step::final_dot, recipient});
}

void ClientSession::message_failed(std::string_view why) {
  answered(Question::content);
  give_up_message(why);
}

/// The server must not take what it has for a whole message: no dot, no QUIT.
void ClientSession::give_up_message(std::string_view why) {
  auto text = fmt::format("the message could not be read: {}", why);
  abandon_message({Kind::temporary, Step::body, read_fault, 0, text});
  close({.reason = Reason::message_failed, .step = Step::body, .text = std::move(text)});
}

void ClientSession::content_fault(TextFault fault) {
  auto text = fmt::format("the message cannot be sent: it has {}", name_of(fault));
  abandon_message({Kind::permanent, Step::body, content_fault_status, 0, text});
  close({.reason = Reason::message_failed, .step = Step::body, .text = std::move(text)});
}

// The end.

void ClientSession::on_end(std::size_t recipient, const PeerReply& reply) {
  if (reply.is_intermediate()) return unexpected(Step::final_dot, reply);
  dirty_ = false;
  const auto outcome = reply.is_success() ? delivery(reply) : refusal(Step::final_dot, reply);
  if (is_lmtp()) {
    transaction_->decide(recipient, outcome);
  } else {
    transaction_->decide_open(outcome);
  }
}

void ClientSession::finish_message(bool needs_seven_bit) {
  const auto has = [this](Kind kind) { return std::ranges::count(transaction_->outcomes(), kind, &Outcome::kind) > 0; };
  if (!has_ended() && is_ready_) {
    const bool failed = !has(Kind::delivered) && (has(Kind::temporary) || has(Kind::permanent) || has(Kind::unknown));
    const bool for_good = failed && !has(Kind::temporary) && !has(Kind::unknown);
    become(for_good ? ClientState::error_5yz : failed ? ClientState::error_4yz : ClientState::ready);
  }
  if (transaction_->was_answered()) ++messages_;
  effects_.emplace_back(MessageDone{.outcomes = transaction_->take_outcomes(),
                                    .needs_seven_bit = needs_seven_bit,
                                    .is_final_delivery = is_lmtp(),
                                    .dsn_passed_on = peer_.dsn});
  transaction_.reset();
  question_ = Question::none;
  if (quit_asked_ && is_idle()) leave({.reason = Reason::finished, .step = Step::quit});
}

}  // namespace posthorn::smtp
