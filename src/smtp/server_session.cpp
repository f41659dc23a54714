// The machine's frame: the connection's events, what is read next, and how replies and the end are told.
#include "smtp/server_session.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "smtp/standard_replies.hpp"

#include <utility>

namespace posthorn::smtp {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

LineBuffer::Settings line_settings(const ServerSettings& settings) {
  return {.line_octets = settings.auth_octets, .discard_octets = settings.discard_line_octets};
}

CommandLimits command_limits(const ServerSettings& settings) {
  return {.body = settings.eight_bit_mime,
          .binary = settings.chunking && settings.binary_mime,
          .smtputf8 = settings.smtputf8,
          .dsn = settings.dsn,
          .octets = settings.command_octets,
          .parameter_octets = settings.parameter_command_octets,
          .auth_octets = settings.auth_octets};
}

/// RFC 2920 §3.1: these may only be the last command of a group.
bool ends_group(const Command& command) {
  return std::holds_alternative<HelloCommand>(command) || std::holds_alternative<DataCommand>(command) ||
         std::holds_alternative<VerifyCommand>(command) || std::holds_alternative<NoopCommand>(command) ||
         std::holds_alternative<QuitCommand>(command) || std::holds_alternative<StartTlsCommand>(command) ||
         std::holds_alternative<AuthCommand>(command);
}

}  // namespace

ServerSession::ServerSession(std::shared_ptr<const ServerSettings> settings)
    : settings_(std::move(settings)), input_(line_settings(*settings_)), may_name_client_(settings_->xclient) {}

// ---- The connection ----

void ServerSession::choose_settings(std::shared_ptr<const ServerSettings> settings) {
  ensure(!greeted_, "settings are chosen before the greeting");
  settings_ = std::move(settings);
  input_ = LineBuffer(line_settings(*settings_));
  may_name_client_ = settings_->xclient;
}

void ServerSession::start(Channel channel) {
  ensure(!greeted_ && state_ == State::start, "a session is greeted once");
  greeted_ = true;
  facts_.channel = channel;
  reply(replies::greeting(settings_->hostname));
}

void ServerSession::refuse_session(Reply refusal) {
  ensure(!greeted_ && state_ == State::start, "a session is greeted once");
  ensure(refusal.is_refusal(), "a refusal is 4yz or 5yz");
  greeted_ = true;
  if (!refusal.is_permanent()) return end(std::move(refusal));
  session_refused_ = true;
  reply(std::move(refusal));
}

void ServerSession::receive(std::string_view bytes) {
  ensure(wants_input(), "bytes are read only while they are wanted");
  input_.add(bytes);
}

void ServerSession::end_of_stream() {
  reply_.reset();
  close();
}

void ServerSession::timed_out() {
  ensure(wants_input(), "time runs out only while the client is waited for");
  end(replies::timed_out());
}

void ServerSession::too_slow() {
  ensure(wants_input(), "time runs out only while the client is waited for");
  end(replies::too_slow());
}

void ServerSession::shut_down(Shutdown how) {
  if (state_ == State::closed) return;
  shutting_down_ = true;
  if (how == Shutdown::after_message) return;
  ensure(question_ != Question::end, "a message that is being made durable is answered");
  end(replies::shutting_down());
}

bool ServerSession::wants_input() const {
  return greeted_ && state_ != State::closed && question_ == Question::none && !has_pending();
}

mail::TransmissionType ServerSession::transmission_type() const {
  using Protocol = mail::TransmissionType::Protocol;
  return {.protocol = facts_.extended ? Protocol::esmtp : Protocol::smtp,
          .tls = facts_.channel.encrypted,
          .authenticated = !facts_.user.empty(),
          .smtputf8 = transaction_ && transaction_->envelope.smtputf8};
}

// ---- What is to be done ----

Effect ServerSession::next() {
  for (;;) {
    if (auto effect = pending()) return *std::move(effect);
    if (!greeted_ || state_ == State::closed || question_ != Question::none || !advance()) break;
  }
  input_.keep();
  return Wait{};
}

std::optional<Effect> ServerSession::pending() {
  if (!message_bytes_.empty()) return MessageBytes{std::exchange(message_bytes_, {})};
  if (std::exchange(to_be_dropped_message_, false)) return DropMessage{};
  if (std::exchange(to_be_dropped_authentication_, false)) return DropAuthentication{};
  if (reply_) {
    check_state();
    SendReply effect{*std::move(reply_)};
    reply_.reset();
    return effect;
  }
  if (std::exchange(to_be_asked_, false)) {
    input_.keep();
    return question_effect();
  }
  if (state_ == State::closed && !std::exchange(close_told_, true)) return Close{};
  return std::nullopt;
}

bool ServerSession::has_pending() const {
  return !message_bytes_.empty() || to_be_dropped_message_ || to_be_dropped_authentication_ || reply_ || to_be_asked_;
}

/// One step with the input there is; false if more must come first.
bool ServerSession::advance() {
  if (shutting_down_ && state_ != State::data_receiving) {
    end(replies::shutting_down());
    return true;
  }
  switch (reading_) {
    case Reading::commands:
    case Reading::responses:
      return read_line();
    case Reading::text:
      return read_text();
    case Reading::chunk:
      return read_chunk();
    case Reading::refused_chunk:
      return read_refused_chunk();
  }
  bug("what is read has a name");
}

/// A TLS handshake or a binary protocol has no lines; its first octet gives it away.
bool ServerSession::has_foreign_start() {
  if (input_.is_empty() || !std::exchange(awaits_first_octet_, false)) return false;
  const char first = input_.raw().front();
  return !ascii::is_ascii(first) || (ascii::is_control(first) && first != '\r' && first != '\n' && first != '\t');
}

bool ServerSession::read_line() {
  if (has_foreign_start()) {
    end(replies::not_smtp());
    return true;
  }
  const auto line = input_.next_line();
  using Found = LineBuffer::Found;
  switch (line.found) {
    case Found::nothing:
      return false;
    case Found::line:
      on_line(line.text);
      break;
    case Found::too_long:
      on_fault(CommandFault::too_long);
      break;
    case Found::endless:
      end(replies::line_too_long());
      break;
    // RFC 5321 §2.3.8, §4.1.1.4: neither CR nor LF alone ends a line; what follows is not looked at.
    case Found::bare_cr:
    case Found::bare_lf:
    case Found::nul:
      end(replies::bad_line_end());
      break;
  }
  return true;
}

void ServerSession::on_line(std::string_view line) {
  if (reading_ == Reading::responses) return on_response(line);
  if (std::exchange(awaits_first_line_, false) && is_foreign_start(line)) return end(replies::not_smtp());
  ++facts_.commands;
  if (session_refused_) return on_line_of_refused_session(line);
  if (may_name_client_ && is_xclient(line)) return on_xclient(line);
  auto command = parse_command(line, command_limits(*settings_));
  bad_line_ = command ? 0 : static_cast<std::uint32_t>(line.size());
  if (!command) return on_fault(command.error());
  note_pipelining(*command);
  perform(*command);
}

void ServerSession::perform(Command& command) {
  std::visit(Overloaded{
                 [this](const HelloCommand& hello) { on_hello(hello); },
                 [this](MailCommand& mail) { on_mail(mail); },
                 [this](RcptCommand& rcpt) { on_rcpt(rcpt); },
                 [this](const DataCommand&) { on_data(); },
                 [this](const BdatCommand& bdat) { on_bdat(bdat); },
                 [this](const ResetCommand&) { on_rset(); },
                 [this](const NoopCommand&) { on_noop(); },
                 [this](const VerifyCommand& vrfy) { on_vrfy(vrfy); },
                 [this](const HelpCommand& help) { on_help(help); },
                 [this](const QuitCommand&) { on_quit(); },
                 [this](const StartTlsCommand&) { on_starttls(); },
                 [this](const AuthCommand& auth) { on_auth(auth); },
             },
             command);
}

/// RFC 5321 §3.1: after a 554 greeting the server waits for QUIT and answers anything else by 503.
void ServerSession::on_line_of_refused_session(std::string_view line) {
  const auto command = parse_command(line, command_limits(*settings_));
  if (command && std::holds_alternative<QuitCommand>(*command)) return on_quit();
  if (command && std::holds_alternative<BdatCommand>(*command)) return end(replies::session_refused_already());
  refuse_command(replies::session_refused_already());
}

void ServerSession::on_fault(CommandFault fault) {
  if (reading_ == Reading::responses) end_authentication();
  // What follows can be told from commands no more, or was not meant for us.
  if (fault == CommandFault::bad_chunk_size || fault == CommandFault::not_smtp) return end(reply_to(fault));
  refuse_command(reply_to(fault));
}

void ServerSession::note_pipelining(const Command& command) {
  const bool may_be_followed = facts_.extended && settings_->pipelining && !ends_group(command);
  if (!may_be_followed && !input_.is_empty()) facts_.pipelined_unasked = true;
}

// ---- Replies and the end ----

void ServerSession::reply(Reply reply) {
  ensure(!reply_, "one reply answers one command");
  if (!facts_.extended) reply.drop_status();
  reply_ = std::move(reply);
}

/// Refuses. 4yz is not held against the client.
void ServerSession::refuse_command(Reply refusal) {
  if (refusal.is_permanent()) return count_error(std::move(refusal));
  if (refusal.ends_session()) return end(std::move(refusal));
  reply(std::move(refusal));
}

void ServerSession::count_error(Reply refusal) {
  if (++facts_.errors > settings_->errors) return end(replies::too_many_errors());
  reply(std::move(refusal));
}

/// Counts a command that brings no mail; false if that was one too many, and the session has ended.
bool ServerSession::count_junk() {
  if (++facts_.junk_commands <= settings_->junk_commands) return true;
  end(replies::too_many_junk_commands());
  return false;
}

void ServerSession::ask(Question question) {
  ensure(question_ == Question::none, "at most one question is open");
  question_ = question;
  to_be_asked_ = true;
}

/// Forgets the envelope and all that hangs on it, in one piece.
void ServerSession::drop_transaction() {
  if (transaction_ && transaction_->has_message) to_be_dropped_message_ = true;
  transaction_.reset();
  message_bytes_ = {};
  refusal_.reset();
  reading_ = Reading::commands;
}

/// The same; the client may begin another transaction.
void ServerSession::back_to_idle() {
  drop_transaction();
  if (state_ != State::start) state_ = State::init;
}

void ServerSession::end(Reply reply_at_end) {
  reply_.reset();
  close();
  reply(std::move(reply_at_end));
}

void ServerSession::close() {
  if (reading_ == Reading::responses || question_ == Question::authentication) end_authentication();
  drop_transaction();
  input_.clear();
  question_ = Question::none;
  to_be_asked_ = false;
  state_ = State::closed;
}

/// What holds after every reply, whatever came before it.
void ServerSession::check_state() const {
  const bool in_transaction =
      state_ == State::mail_started || state_ == State::rcpt_received || state_ == State::data_receiving;
  ensure((transaction_ != nullptr) == in_transaction, "there is a transaction in its states and in no other");
  ensure(question_ == Question::none, "no question is open when a reply is sent");
  ensure(!is_reading_data() || state_ == State::data_receiving, "message text is read in its state only");
  if (!in_transaction) return;
  ensure((state_ == State::mail_started) == transaction_->envelope.recipients.empty(),
         "recipients are there in their states");
  ensure(!transaction_->has_message || state_ == State::data_receiving, "a message is held in its state only");
  ensure(!transaction_->asked, "what was asked about is settled");
}

}  // namespace posthorn::smtp
