// MAIL and RCPT.
#include "base/planted_fault.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <utility>

namespace posthorn::smtp {

/// RFC 3207 §4, RFC 4954 §6: what must come before mail, and has not.
std::optional<Reply> ServerSession::missing_proof() const {
  if (settings_->require_tls && !facts_.channel.encrypted) return replies::tls_needed();
  const bool is_known = !facts_.user.empty() || planted(PlantedFault::submission_without_login);
  if (settings_->require_authentication && !is_known) return replies::authentication_needed();
  return std::nullopt;
}

/// RFC 5321 §4.1.1.2
void ServerSession::on_mail(MailCommand& command) {
  if (auto refusal = mail_refusal(command)) return refuse_command(*std::move(refusal));
  const auto before = std::exchange(transaction_, std::make_unique<Transaction>());
  transaction_->envelope = std::move(command.envelope);
  if (planted(PlantedFault::session_reset_keeps_recipients) && before) {
    transaction_->envelope.recipients = before->envelope.recipients;
  }
  ask(Question::sender);
}

std::optional<Reply> ServerSession::mail_refusal(const MailCommand& command) const {
  if (state_ == State::start) return replies::hello_first();
  if (state_ != State::init) return replies::transaction_open();  // RFC 5321 §4.1.4: no nested MAIL
  if (auto missing = missing_proof()) return missing;
  if (settings_->transactions != 0 && facts_.transactions >= settings_->transactions)
    return replies::too_many_transactions();
  // RFC 1870 §6.1
  if (command.envelope.declared_size.value_or(0) > settings_->message_octets) return replies::message_too_large();
  return std::nullopt;
}

void ServerSession::on_sender_refused(Reply refusal) {
  transaction_.reset();
  if (count_junk()) refuse_command(std::move(refusal));
}

void ServerSession::on_sender_accepted(Reply reply_to_client) {
  ++facts_.transactions;
  state_ = State::mail_started;
  reply(std::move(reply_to_client));
}

/// RFC 5321 §4.1.1.3
void ServerSession::on_rcpt(RcptCommand& command) {
  if (state_ == State::start) return refuse_command(replies::hello_first());
  if (state_ != State::mail_started && state_ != State::rcpt_received) return refuse_command(replies::mail_first());
  ++transaction_->rcpt_commands;
  if (auto refusal = rcpt_refusal(command)) return refuse_recipient(*std::move(refusal));
  auto* address = std::get_if<mail::Address>(&command.path);
  transaction_->asked = mail::Recipient{.address = address != nullptr ? std::move(*address) : *settings_->postmaster,
                                        .notify = command.notify,
                                        .original = std::move(command.original)};
  ask(Question::recipient);
}

std::optional<Reply> ServerSession::rcpt_refusal(const RcptCommand& command) const {
  // RFC 6531 §3.5
  if (command.has_8bit && !transaction_->envelope.smtputf8) return replies::smtputf8_needed();
  if (transaction_->envelope.recipients.size() >= settings_->recipients) return replies::too_many_recipients();
  const bool is_postmaster = std::holds_alternative<mail::PostmasterPath>(command.path);
  if (is_postmaster && !settings_->postmaster) return replies::unknown_user();
  return std::nullopt;
}

/// RFC 5321 §4.5.3.1.10: a client that names too many at once is not at fault; it sends to the others later. Going on
/// without end is one.
void ServerSession::refuse_recipient(Reply refusal) {
  transaction_->asked.reset();
  const bool goes_on = transaction_->rcpt_commands > settings_->recipients + settings_->recipient_overshoot;
  if (goes_on && !refusal.ends_session()) return count_error(std::move(refusal));
  refuse_command(std::move(refusal));
}

void ServerSession::on_recipient_accepted(Reply reply_to_client) {
  transaction_->envelope.recipients.push_back(*std::move(transaction_->asked));
  transaction_->asked.reset();
  state_ = State::rcpt_received;
  reply(std::move(reply_to_client));
}

}  // namespace posthorn::smtp
