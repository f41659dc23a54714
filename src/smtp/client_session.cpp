#include "smtp/client_session.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::smtp {
namespace {

using Reason = SessionEnd::Reason;
using Direction = DialogueLine::Direction;

// Text waits for more of it, or for its end, so that a small message and its final dot are one write.
constexpr std::size_t gathered_octets = 32U << 10;

constexpr mail::EnhancedStatus no_answer{4, 4, 1};
constexpr mail::EnhancedStatus bad_connection{4, 4, 2};
constexpr mail::EnhancedStatus protocol_fault{4, 5, 0};

std::string_view name_of(ReplyFault fault) {
  switch (fault) {
    case ReplyFault::bad_code:
      return "a line does not start with a reply code";
    case ReplyFault::bad_separator:
      return "neither a space nor a dash follows the code";
    case ReplyFault::codes_differ:
      return "the lines of a reply have different codes";
    case ReplyFault::line_too_long:
      return "a line is too long";
    case ReplyFault::too_many_lines:
      return "a reply has too many lines";
    case ReplyFault::nul:
      return "a reply has a NUL";
  }
  bug("a fault of a reply has a name");
}

std::string with_code(const PeerReply& reply) { return fmt::format("{} {}", reply.code, reply.text()); }

}  // namespace

std::string_view name_of(ClientState state) {
  switch (state) {
    case ClientState::start:
      return "START";
    case ClientState::hello:
      return "EHLO";
    case ClientState::starttls:
      return "STARTTLS";
    case ClientState::auth:
      return "AUTH";
    case ClientState::ready:
      return "READY";
    case ClientState::from:
      return "FROM";
    case ClientState::to:
      return "TO";
    case ClientState::data:
      return "DATA";
    case ClientState::body:
      return "BODY";
    case ClientState::dot:
      return "DOT";
    case ClientState::quit:
      return "QUIT";
    case ClientState::error_4yz:
      return "ERROR 4yz";
    case ClientState::error_5yz:
      return "ERROR 5yz";
    case ClientState::closed:
      return "CLOSED";
  }
  bug("a state has a name");
}

ClientSession::ClientSession(std::shared_ptr<const ClientSettings> settings)
    : settings_(std::move(settings)),
      parser_({.line_octets = settings_->reply_line_octets, .lines = settings_->reply_lines}),
      encrypted_(settings_->tls_from_first_byte) {
  outstanding_.push_back({Step::greeting});
  effects_.emplace_back(StateChanged{state_});
}

// What is to be done.

ClientEffect ClientSession::next() {
  if (!effects_.empty()) {
    auto effect = std::move(effects_.front());
    effects_.pop_front();
    return effect;
  }
  if (has_part_of_early_reply()) {
    if (transaction_) transaction_->set_end_sent(false);
    on_unasked(current_step(), "a part of a reply");
    return next();
  }
  const bool gathers = question_ == Question::content && !asked_ && out_.size() < gathered_octets;
  if (gathers) return hand_out_question();
  const bool expects_silence = outstanding_.empty();
  std::ranges::move(std::exchange(unsent_, {}), std::back_inserter(outstanding_));
  if (!out_.empty()) {
    sending_ = std::exchange(out_, {});
    return SendBytes{sending_, expects_silence};
  }
  if (closing_) return CloseConnection{end_};
  ensure(question_ == Question::none || !asked_, "a question is answered before the next effect");
  if (question_ != Question::none) return hand_out_question();
  if (!outstanding_.empty()) return AwaitReply{outstanding_.front().step};
  return AwaitMessage{};
}

/// Whether a reply has begun to a command (or an end of the message, or a handshake) that is only now to be sent.
bool ClientSession::has_part_of_early_reply() const {
  const bool acts = !out_.empty() || question_ != Question::none;
  return acts && !closing_ && outstanding_.empty() && parser_.is_inside_reply();
}

ClientEffect ClientSession::hand_out_question() {
  asked_ = true;
  switch (question_) {
    case Question::content:
      return NeedContent{};
    case Question::tls:
      return UpgradeToTls{};
    case Question::authentication:
      return StartAuthentication{usable_mechanisms()};
    case Question::challenge:
      return AnswerChallenge{std::exchange(challenge_, {})};
    case Question::none:
      break;
  }
  bug("there is a question");
}

void ClientSession::send(ClientMessage message) {
  ensure(!transaction_ && !waiting_, "one message at a time");
  waiting_ = std::move(message);
  if (has_ended()) {
    transaction_.emplace(*std::exchange(waiting_, std::nullopt), 0);
    finish_message();
  } else if (is_idle()) {
    begin_message();
  }
}

void ClientSession::quit() {
  ensure(!transaction_ && !waiting_, "a message under way is waited for");
  if (has_ended()) return;
  if (is_idle()) {
    leave({.reason = Reason::finished, .step = Step::quit});
  } else {
    quit_asked_ = true;
  }
}

bool ClientSession::takes_more() const {
  return !has_ended() && transactions_ < peer_.transactions_limit.value_or(~0U);
}

bool ClientSession::is_idle() const {
  return is_ready_ && !transaction_ && outstanding_.empty() && unsent_.empty() && question_ == Question::none;
}

// What comes from the server.

void ClientSession::receive(std::string_view bytes) {
  while (!bytes.empty() && !closing_) {
    bytes.remove_prefix(parser_.read(bytes));
    if (const auto fault = parser_.fault()) return on_garbage(*fault);
    if (parser_.has_reply()) on_reply(parser_.take());
  }
}

void ClientSession::on_reply(const PeerReply& reply) {
  show(reply);
  if (outstanding_.empty()) return on_unasked(current_step(), reply);
  const auto expected = outstanding_.front();
  outstanding_.pop_front();
  if (leaving_) {
    if (expected.step == Step::quit) close(end_);
    return;
  }
  if (reply.code == 421) return on_service_closing(expected, reply);
  answer(expected, reply);
  const bool nothing_follows = outstanding_.empty() && unsent_.empty() && question_ == Question::none;
  if (transaction_ && nothing_follows) finish_message();
}

void ClientSession::answer(const Expected& expected, const PeerReply& reply) {
  switch (expected.step) {
    case Step::greeting:
      return on_greeting(reply);
    case Step::hello:
      return on_hello(reply);
    case Step::starttls:
      return on_starttls(reply);
    case Step::auth:
      return on_auth(reply);
    case Step::mail:
      return on_mail(reply);
    case Step::rcpt:
      return on_recipient(expected.recipient, reply);
    case Step::data:
      return on_data(reply);
    case Step::final_dot:
      return on_end(expected.recipient, reply);
    case Step::reset:
      return on_reset(reply);
    case Step::body:
    case Step::quit:
      break;
  }
  bug("a reply is awaited to a command");
}

void ClientSession::on_unasked(Step step, const PeerReply& reply) {
  if (reply.code != 421) return on_unasked(step, with_code(reply));
  if (leaving_) return close(end_);
  become(ClientState::error_4yz);
  lose({Reason::refused_for_now, step, reply.code, reply.text()}, reply.status().value_or(bad_connection));
}

void ClientSession::on_unasked(Step step, std::string_view what) {
  if (leaving_) return close(end_);
  const auto reason = question_ == Question::tls ? Reason::tls_failed : Reason::protocol_error;
  lose({.reason = reason, .step = step, .text = fmt::format("the server answered before it was asked: {}", what)},
       protocol_fault);
}

void ClientSession::spoke_early(std::string_view bytes) {
  if (closing_) return;
  const auto step = current_step();
  // What was handed out last is not sent, so that nothing is outstanding for it.
  outstanding_.clear();
  if (transaction_) transaction_->set_end_sent(false);
  ReplyParser parser({.line_octets = settings_->reply_line_octets, .lines = settings_->reply_lines});
  parser.read(bytes);
  if (!parser.has_reply()) return on_unasked(step, "with what is no whole reply");
  const auto reply = parser.take();
  show(reply);
  on_unasked(step, reply);
}

/// RFC 5321 §3.8, §4.2.3: 421 may answer any command; the server closes.
void ClientSession::on_service_closing(const Expected& expected, const PeerReply& reply) {
  become(ClientState::error_4yz);
  const auto outcome = refusal(expected.step, reply);
  if (transaction_ && expected.step == Step::final_dot) {
    if (is_lmtp()) {
      transaction_->decide(expected.recipient, outcome);
    } else {
      transaction_->decide_open(outcome);
    }
  }
  abandon_message(outcome);
  SessionEnd end{Reason::refused_for_now, expected.step, reply.code, reply.text()};
  settings_->quits_after_421 ? leave(std::move(end)) : close(std::move(end));
}

void ClientSession::on_garbage(ReplyFault fault) {
  if (leaving_) return close(end_);
  const bool may_talk = state_ != ClientState::body && state_ != ClientState::dot;
  lose({.reason = Reason::protocol_error,
        .step = current_step(),
        .text = fmt::format("the server does not speak SMTP: {}", name_of(fault))},
       protocol_fault);
  if (!may_talk) return;
  say(Direction::sent, "QUIT");
  out_ = "QUIT\r\n";
}

void ClientSession::connection_lost(std::string_view why) {
  if (closing_) return;
  if (leaving_) return close(end_);
  lose({.reason = Reason::connection_lost, .step = current_step(), .text = std::string(why)}, bad_connection);
}

void ClientSession::write_failed(std::string_view why) {
  if (transaction_) transaction_->set_end_sent(false);
  connection_lost(why);
}

void ClientSession::timed_out() {
  if (closing_) return;
  if (leaving_) return close(end_);
  const auto step = current_step();
  const auto text = fmt::format("no answer within {}: {}", to_text(settings_->timeout(step)), name_of(step));
  lose({.reason = Reason::timed_out, .step = step, .text = text}, step == Step::greeting ? no_answer : bad_connection);
}

Step ClientSession::current_step() const {
  if (!outstanding_.empty()) return outstanding_.front().step;
  if (question_ == Question::content || state_ == ClientState::body) return Step::body;
  if (question_ == Question::tls) return Step::starttls;
  if (!unsent_.empty()) return unsent_.front().step;
  return is_ready_ ? Step::mail : Step::hello;
}

// What goes to the server.

void ClientSession::command(Step step, std::string line, std::size_t recipient) {
  out_.append(line).append("\r\n");
  say(Direction::sent, std::move(line));
  unsent_.push_back({step, recipient});
}

void ClientSession::secret_command(Step step, std::string_view shown, std::string_view secret) {
  out_.append(shown).append(secret).append("\r\n");
  say(Direction::sent, fmt::format("{}{}", shown, secret.empty() ? "" : "****"));
  unsent_.push_back({step});
}

void ClientSession::say(Direction direction, std::string text) {
  effects_.emplace_back(DialogueLine{direction, std::move(text)});
}

void ClientSession::show(const PeerReply& reply) {
  // A SASL challenge may hold what is nobody's business.
  const bool secret = reply.code == 334;
  for (std::size_t i = 0; i < reply.lines.size(); ++i) {
    const char separator = i + 1 == reply.lines.size() ? ' ' : '-';
    say(Direction::received, fmt::format("{}{}{}", reply.code, separator, secret ? "****" : reply.lines[i]));
  }
}

void ClientSession::become(ClientState state) {
  if (state_ == state) return;
  state_ = state;
  effects_.emplace_back(StateChanged{state});
}

void ClientSession::ask(Question question) {
  question_ = question;
  asked_ = false;
}

void ClientSession::answered(Question question) {
  ensure(question_ == question && asked_, "an answer belongs to the question that is open");
  question_ = Question::none;
}

// The end.

void ClientSession::refuse_session(Step step, const PeerReply& reply) {
  const bool for_good = reply.is_permanent();
  become(for_good ? ClientState::error_5yz : ClientState::error_4yz);
  abandon_message(refusal(step, reply));
  leave({for_good ? Reason::refused_for_good : Reason::refused_for_now, step, reply.code, reply.text()});
}

/// A reply that SMTP does not allow here. QUIT is still worth a try.
void ClientSession::unexpected(Step step, const PeerReply& reply) {
  const SessionEnd end{Reason::protocol_error, step, reply.code, reply.text()};
  abandon_message({Outcome::Kind::temporary, step, protocol_fault, reply.code, reply.text()});
  leave(end);
}

void ClientSession::leave(SessionEnd end) {
  leaving_ = true;
  end_ = std::move(end);
  question_ = Question::none;
  become(ClientState::quit);
  command(Step::quit, "QUIT");
}

void ClientSession::lose(SessionEnd end, mail::EnhancedStatus status) {
  abandon_message({Outcome::Kind::temporary, end.step, status, end.code, end.text});
  close(std::move(end));
}

void ClientSession::abandon_message(const Outcome& outcome) {
  if (waiting_) {
    const auto recipients = waiting_->envelope.recipients.size();
    transaction_.emplace(*std::exchange(waiting_, std::nullopt), recipients);
  }
  if (!transaction_) return;
  auto verdict = outcome;
  // An old connection that turns out to be of no more use says nothing about the message.
  if (messages_ > 0 && !transaction_->was_answered()) verdict.kind = Outcome::Kind::untried;
  transaction_->abandon(verdict);
  finish_message();
}

void ClientSession::close(SessionEnd end) {
  end_ = std::move(end);
  out_.clear();
  unsent_.clear();
  outstanding_.clear();
  question_ = Question::none;
  closing_ = true;
  become(ClientState::closed);
}

}  // namespace posthorn::smtp
