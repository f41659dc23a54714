// HELO, EHLO, RSET, NOOP, VRFY, HELP, QUIT.
#include "base/planted_fault.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::smtp {

/// RFC 5321 §4.1.1.1, §4.1.4: a name, and a session that begins anew.
void ServerSession::on_hello(const HelloCommand& command) {
  if (!count_junk()) return;
  drop_transaction();
  state_ = State::init;
  facts_.hello = given_hello_.empty() ? std::string(command.name) : given_hello_;
  facts_.extended = command.extended;
  const auto lines = command.extended ? hello_lines() : ReplyLines{ReplyText{settings_->hostname}};
  reply({250, lines});
}

/// RFC 5321 §4.1.1.1: our name, and what we offer on this channel. Nothing of the client's is repeated.
ReplyLines ServerSession::hello_lines() const {
  ReplyLines lines{ReplyText{settings_->hostname}};
  const auto offer = [&lines](bool offered, std::string_view keyword) {
    if (offered) lines.add_line(ReplyText{keyword});
  };
  offer(settings_->pipelining, "PIPELINING");
  offer(true, fmt::format("SIZE {}", settings_->message_octets));  // RFC 1870 §4
  offer(settings_->eight_bit_mime, "8BITMIME");
  offer(settings_->smtputf8, "SMTPUTF8");
  offer(settings_->chunking, "CHUNKING");
  offer(settings_->chunking && settings_->binary_mime, "BINARYMIME");
  offer(settings_->dsn, "DSN");
  offer(true, "ENHANCEDSTATUSCODES");
  offer(true, limits_line());
  offer(settings_->starttls && !facts_.channel.encrypted, "STARTTLS");  // RFC 3207 §4.2: not once it is on
  const auto mechanisms = auth_line();
  offer(!mechanisms.empty(), mechanisms);
  if (may_name_client_) offer(true, "XCLIENT " + std::string(xclient_attributes));
  offer(true, "HELP");
  return lines;
}

/// RFC 9422 §3
std::string ServerSession::limits_line() const {
  const auto recipients = fmt::format("LIMITS RCPTMAX={}", settings_->recipients);
  return settings_->transactions == 0 ? recipients : fmt::format("{} MAILMAX={}", recipients, settings_->transactions);
}

/// RFC 4954 §3; empty if nothing is offered on this channel.
std::string ServerSession::auth_line() const {
  std::string line;
  for (const auto& mechanism : settings_->auth_mechanisms) {
    if (is_offered(mechanism)) line += (line.empty() ? "AUTH " : " ") + mechanism.name;
  }
  return line;
}

/// RFC 5321 §4.1.1.5
void ServerSession::on_rset() {
  if (!count_junk()) return;
  const bool keeps_all = planted(PlantedFault::session_reset_keeps_recipients) && state_ != State::start;
  if (keeps_all) {
    state_ = State::init;
  } else {
    back_to_idle();
  }
  reply(replies::ok());
}

/// RFC 5321 §4.1.1.9
void ServerSession::on_noop() {
  if (count_junk()) reply(replies::ok());
}

/// RFC 5321 §3.5, §4.1.1.6
void ServerSession::on_vrfy(const VerifyCommand& command) {
  if (!count_junk()) return;
  switch (settings_->verify) {
    case VerifyPolicy::noncommittal:
      return reply(replies::not_verified());
    case VerifyPolicy::off:
      return refuse_command(replies::not_implemented());
    case VerifyPolicy::ask:
      break;
  }
  if (auto refusal = missing_proof()) return refuse_command(*std::move(refusal));
  asked_text_ = command.text;
  ask(Question::verify);
}

/// RFC 5321 §4.1.1.8
void ServerSession::on_help(const HelpCommand& command) {
  if (!count_junk()) return;
  if (command.topic.empty()) return reply(replies::help());
  auto answer = replies::help_about(command.topic);
  if (!answer) return refuse_command(replies::unknown_help_topic());
  reply(*std::move(answer));
}

/// RFC 5321 §4.1.1.10
void ServerSession::on_quit() { end(replies::goodbye()); }

}  // namespace posthorn::smtp
