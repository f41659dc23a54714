// ClientSession from the greeting to the first message: EHLO, STARTTLS, AUTH.
#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "smtp/client_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::smtp {
namespace {

using Reason = SessionEnd::Reason;

constexpr mail::EnhancedStatus tls_not_offered{4, 7, 4};
constexpr mail::EnhancedStatus tls_fault{4, 7, 5};
constexpr mail::EnhancedStatus not_authenticated_status{4, 7, 8};
constexpr unsigned most_challenges = 16;

/// `220 **********`: a firewall that hides what the server says, and spoils what it does not know.
bool is_masked(std::string_view greeting) {
  const auto stars = static_cast<std::size_t>(std::ranges::count(greeting, '*'));
  return stars >= 4 && stars * 2 >= greeting.size();
}

/// Whether the mechanism keeps the password from who listens.
bool hides_password(std::string_view mechanism) {
  return mechanism.starts_with("SCRAM-") || mechanism == "CRAM-MD5" || mechanism == "DIGEST-MD5" ||
         mechanism == "GSSAPI" || mechanism == "EXTERNAL";
}

}  // namespace

void ClientSession::on_greeting(const PeerReply& reply) {
  if (reply.is_transient() || reply.is_permanent()) return refuse_session(Step::greeting, reply);
  if (!reply.is_success()) return unexpected(Step::greeting, reply);
  masked_ = is_masked(reply.text());
  say_hello(settings_->extended_hello || is_lmtp());
}

/// RFC 5321 §4.1.1.1; RFC 2033 §4.1: LHLO with LMTP.
void ClientSession::say_hello(bool extended) {
  extended_ = extended;
  peer_ = {};
  transactions_ = 0;
  become(ClientState::hello);
  const std::string_view verb = is_lmtp() ? "LHLO" : extended ? "EHLO" : "HELO";
  command(Step::hello, fmt::format("{} {}", verb, settings_->hello_name));
}

void ClientSession::on_hello(const PeerReply& reply) {
  // RFC 5321 §3.2: a server that does not know EHLO is greeted again with HELO.
  if (reply.is_permanent() && extended_ && !is_lmtp()) return say_hello(false);
  if (reply.is_transient() || reply.is_permanent()) return refuse_session(Step::hello, reply);
  if (!reply.is_success()) return unexpected(Step::hello, reply);
  if (extended_) peer_ = PeerExtensions::read(reply);
  after_hello();
}

void ClientSession::after_hello() {
  const bool wants_tls = settings_->tls != RemoteTls::none && !encrypted_ && !tls_refused_;
  if (wants_tls && peer_.starttls) {
    become(ClientState::starttls);
    return command(Step::starttls, "STARTTLS");
  }
  if (wants_tls && settings_->tls != RemoteTls::may) {
    return without_tls(
        {.reason = Reason::tls_not_offered, .step = Step::starttls, .text = "the server does not offer STARTTLS"});
  }
  if (settings_->authenticate && !authenticated_) return start_authentication();
  ready();
}

// STARTTLS (RFC 3207).

void ClientSession::on_starttls(const PeerReply& reply) {
  if (reply.is_success()) return ask(Question::tls);
  if (!reply.is_transient() && !reply.is_permanent()) return unexpected(Step::starttls, reply);
  if (settings_->tls != RemoteTls::may) {
    return without_tls({Reason::tls_not_offered, Step::starttls, reply.code, reply.text()});
  }
  // RFC 7435 §3: opportunistic, so the mail goes on in the clear.
  tls_refused_ = true;
  after_hello();
}

void ClientSession::without_tls(SessionEnd end) {
  become(ClientState::error_4yz);
  abandon_message({Outcome::Kind::temporary, end.step, tls_not_offered, end.code, end.text});
  leave(std::move(end));
}

void ClientSession::tls_started() {
  answered(Question::tls);
  encrypted_ = true;
  // RFC 3207 §4.2: nothing learned before the handshake counts after it.
  parser_.reset();
  say_hello(true);
}

void ClientSession::tls_failed(std::string_view why) {
  answered(Question::tls);
  lose({.reason = Reason::tls_failed, .step = Step::starttls, .text = std::string(why)}, tls_fault);
}

// AUTH (RFC 4954).

std::vector<std::string> ClientSession::usable_mechanisms() const {
  auto mechanisms = peer_.auth_mechanisms;
  if (encrypted_ || settings_->plain_text_passwords) return mechanisms;
  std::erase_if(mechanisms, [](const std::string& mechanism) { return !hides_password(mechanism); });
  return mechanisms;
}

void ClientSession::start_authentication() {
  become(ClientState::auth);
  challenges_ = 0;
  if (!usable_mechanisms().empty()) return ask(Question::authentication);
  not_authenticated({.reason = Reason::no_authentication,
                     .step = Step::auth,
                     .text = "the server offers no way to authenticate that may be used here"});
}

void ClientSession::authenticate(std::string_view mechanism, std::optional<Secret> initial) {
  answered(Question::authentication);
  if (!initial) return command(Step::auth, fmt::format("AUTH {}", mechanism));
  // RFC 4954 §4: an initial response without octets is sent as "=".
  const auto encoded = initial->is_empty() ? "=" : base64::encode(initial->reveal());
  secret_command(Step::auth, fmt::format("AUTH {} ", mechanism), encoded);
}

void ClientSession::respond(const Secret& response) {
  answered(Question::challenge);
  secret_command(Step::auth, "", base64::encode(response.reveal()));
}

void ClientSession::cannot_authenticate(std::string_view why) {
  const bool in_exchange = question_ == Question::challenge;
  answered(question_);
  authentication_fault_ = why;
  if (in_exchange) return cancel_authentication();
  not_authenticated({.reason = Reason::no_authentication, .step = Step::auth, .text = authentication_fault_});
}

/// RFC 4954 §4: "*" ends the exchange; the server answers 501.
void ClientSession::cancel_authentication() {
  cancelling_ = true;
  command(Step::auth, "*");
}

void ClientSession::on_auth(const PeerReply& reply) {
  if (cancelling_) {
    return not_authenticated({.reason = Reason::no_authentication, .step = Step::auth, .text = authentication_fault_});
  }
  if (reply.code == 334) return on_challenge(reply);
  if (reply.is_intermediate()) return unexpected(Step::auth, reply);
  if (reply.is_success()) {
    authenticated_ = true;
    return ready();
  }
  not_authenticated(
      {reply.is_permanent() ? Reason::refused_for_good : Reason::refused_for_now, Step::auth, reply.code, reply.text()},
      refusal(Step::auth, reply));
}

void ClientSession::on_challenge(const PeerReply& reply) {
  auto octets = base64::decode(ascii::trim(reply.lines.front()));
  if (!octets || ++challenges_ > most_challenges) {
    authentication_fault_ = octets ? "the server's challenges have no end" : "the server's challenge is not base64";
    return cancel_authentication();
  }
  challenge_ = *std::move(octets);
  ask(Question::challenge);
}

void ClientSession::not_authenticated(SessionEnd end, std::optional<Outcome> refused) {
  auto outcome =
      refused.value_or(Outcome{Outcome::Kind::temporary, Step::auth, not_authenticated_status, end.code, end.text});
  if (settings_->defer_unauthenticated && outcome.kind == Outcome::Kind::permanent) {
    outcome.kind = Outcome::Kind::temporary;
    outcome.status = not_authenticated_status;
  }
  become(end.reason == Reason::refused_for_good ? ClientState::error_5yz : ClientState::error_4yz);
  abandon_message(outcome);
  leave(std::move(end));
}

void ClientSession::ready() {
  is_ready_ = true;
  if (waiting_) return begin_message();
  if (quit_asked_) return leave({.reason = Reason::finished, .step = Step::quit});
  become(ClientState::ready);
}

}  // namespace posthorn::smtp
