// STARTTLS (RFC 3207) and AUTH (RFC 4954).
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::smtp {

// ---- STARTTLS ----

/// RFC 3207 §4
void ServerSession::on_starttls() {
  if (!settings_->starttls) return refuse_command(replies::not_implemented());
  if (facts_.channel.encrypted) return refuse_command(replies::tls_already());
  if (state_ == State::start) return refuse_command(replies::hello_first());
  // What was sent before the handshake must not be taken as sent within it (command injection).
  if (!input_.is_empty()) return end(replies::plain_text_before_tls());
  if (!count_junk()) return;
  back_to_idle();
  ask(Question::tls);
}

/// RFC 3207 §4.2: nothing that came before the handshake is remembered.
void ServerSession::tls_started(Channel channel) {
  ensure(take_question() == Question::tls, "TLS starts when it was asked for");
  facts_.hello.clear();
  facts_.extended = false;
  facts_.user.clear();
  facts_.channel = channel;
  awaits_first_octet_ = awaits_first_line_ = true;
  state_ = State::start;
}

void ServerSession::tls_failed() {
  ensure(take_question() == Question::tls, "TLS starts when it was asked for");
  close();
}

void ServerSession::plain_text_came() {
  ensure(take_question() == Question::tls, "TLS starts when it was asked for");
  end(replies::plain_text_before_tls());
}

// ---- XCLIENT ----

/// XCLIENT_README: at any time but within a transaction.
void ServerSession::on_xclient(std::string_view line) {
  if (transaction_) return refuse_command(replies::transaction_open());
  if (line.size() + 2 > settings_->command_octets) return refuse_command(replies::line_too_long());
  client_ = parse_xclient(line);
  if (!client_) return refuse_command(replies::bad_argument());
  if (count_junk()) ask(Question::client);
}

/// Back to the greeting; TLS stays, and so does what was said of the client's HELO.
void ServerSession::client_named(std::string user, bool may_again) {
  ensure(take_question() == Question::client, "a client is named by XCLIENT");
  if (client_->hello) given_hello_ = *client_->hello;
  may_name_client_ = may_again;
  back_to_idle();
  facts_.hello.clear();
  facts_.extended = false;
  facts_.user = std::move(user);
  state_ = State::start;
  awaits_first_line_ = true;
  reply(replies::greeting(settings_->hostname));
}

// ---- AUTH ----

/// RFC 4954 §4
void ServerSession::on_auth(const AuthCommand& command) {
  if (auto refusal = auth_refusal(command)) return refuse_command(*std::move(refusal));
  mechanism_ = find_mechanism(command.mechanism);
  response_.reset();
  if (!command.initial_response) {
    is_first_step_ = true;
    return ask(Question::authentication);
  }
  // RFC 4954 §4: "=" is an empty initial response.
  ask_authentication(*command.initial_response == "=" ? "" : *command.initial_response, true);
}

std::optional<Reply> ServerSession::auth_refusal(const AuthCommand& command) const {
  const auto& mechanisms = settings_->auth_mechanisms;
  if (mechanisms.empty()) return replies::not_implemented();
  if (state_ == State::start || !facts_.extended) return replies::hello_first();
  if (state_ != State::init) return replies::transaction_open();
  if (!facts_.user.empty()) return replies::authenticated_already();
  const auto* const mechanism = find_mechanism(command.mechanism);
  if (mechanism != nullptr && is_offered(*mechanism)) return std::nullopt;
  const bool offers_any = std::ranges::any_of(mechanisms, [this](const auto& other) { return is_offered(other); });
  if (!offers_any && !facts_.channel.encrypted) return replies::tls_needed();
  const bool lacks_tls = mechanism != nullptr && mechanism->needs_encryption && !facts_.channel.encrypted;
  return lacks_tls ? replies::mechanism_needs_tls() : replies::unknown_mechanism();
}

const AuthMechanism* ServerSession::find_mechanism(std::string_view name) const {
  for (const auto& mechanism : settings_->auth_mechanisms) {
    if (ascii::same_word(mechanism.name, name)) return &mechanism;
  }
  return nullptr;
}

bool ServerSession::is_offered(const AuthMechanism& mechanism) const {
  const bool has_encryption = facts_.channel.encrypted || !(mechanism.needs_encryption || settings_->require_tls);
  return has_encryption && (facts_.channel.has_binding || !mechanism.needs_channel_binding);
}

/// RFC 4954 §4: "*" cancels; anything else is the response, in base64.
void ServerSession::on_response(std::string_view line) {
  if (line != "*") return ask_authentication(line, false);
  end_authentication();
  refuse_command(replies::authentication_cancelled());
}

void ServerSession::ask_authentication(std::string_view encoded, bool is_first) {
  auto octets = base64::decode(encoded);
  if (!octets) {
    end_authentication();
    return refuse_command(replies::bad_base64());
  }
  response_.emplace(*std::move(octets));
  is_first_step_ = is_first;
  reading_ = Reading::commands;
  ask(Question::authentication);
}

void ServerSession::challenge(std::string_view octets) {
  ensure(take_question() == Question::authentication, "a challenge answers AUTH or a response");
  reading_ = Reading::responses;
  reply(replies::challenge(octets));
}

void ServerSession::authenticated(std::string user) {
  ensure(take_question() == Question::authentication, "proof is given by AUTH");
  ensure(!user.empty(), "a user has a name");
  facts_.user = std::move(user);
  mechanism_ = nullptr;
  reply(replies::authenticated());
}

/// Guessing ends the session.
void ServerSession::on_authentication_refused(Reply refusal) {
  mechanism_ = nullptr;
  if (refusal.is_permanent() && ++facts_.authentication_failures >= settings_->authentication_failures) {
    return end(replies::too_many_authentication_failures());
  }
  refuse_command(std::move(refusal));
}

/// The client gave up, or cannot be understood: the driver forgets the exchange too, if it has begun one.
void ServerSession::end_authentication() {
  to_be_dropped_authentication_ = reading_ == Reading::responses || question_ == Question::authentication;
  reading_ = Reading::commands;
  mechanism_ = nullptr;
  response_.reset();
}

}  // namespace posthorn::smtp
