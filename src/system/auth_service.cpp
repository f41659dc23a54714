#include "system/auth_service.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "system/password_hash.hpp"

#include <gsasl.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::system {
namespace {

using world::AuthAnswer;
using Kind = world::AuthAnswer::Kind;

constexpr std::size_t longest_name = 320;
constexpr std::array mechanisms{std::string_view("PLAIN"), std::string_view("LOGIN"), std::string_view("SCRAM-SHA-256"),
                                std::string_view("SCRAM-SHA-256-PLUS")};
// What clients of LOGIN, which no RFC describes, look for.
constexpr std::array<std::string_view, 2> login_prompts{"Username:", "Password:"};

std::string property_of(Gsasl_session* session, Gsasl_property property) {
  const char* value = ::gsasl_property_fast(session, property);
  return value == nullptr ? std::string{} : std::string(value);
}

}  // namespace

struct AuthConversation::Session {
  enum class Stage : std::uint8_t {
    talking,
    claimed,    // a claim was told; proceed() is due
    confirmed,  // all is proved and the last octets were sent; the client's empty answer is due (RFC 5802 §3)
    ended,
  };

  Session(AuthService& owner, world::AuthStart begin) : service(owner), start(std::move(begin)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (sasl != nullptr) ::gsasl_finish(sasl);
  }

  AuthService& service;
  world::AuthStart start;
  Gsasl_session* sasl = nullptr;
  Stage stage = Stage::talking;
  std::string name;         // as claimed
  Secret password;          // of PLAIN and LOGIN
  std::string user;         // of SCRAM: whose verifier it is
  bool is_stand_in = true;  // the verifier is nobody's
  std::string held;         // SCRAM's challenge, until the claim may go on
  unsigned prompts = 0;

  [[nodiscard]] bool is_scram() const { return start.mechanism.starts_with("SCRAM"); }
  [[nodiscard]] bool is_login() const { return start.mechanism == "LOGIN"; }

  /// libgsasl asks for what it needs.
  static int call_back(Gsasl* context, Gsasl_session* sasl, Gsasl_property property);
  [[nodiscard]] bool open(Gsasl* context);
  void bind_channel() const;
  [[nodiscard]] int answer(Gsasl_property property);
  [[nodiscard]] int take_password();
  [[nodiscard]] int give_verifier();

  struct Stepped {
    int code = GSASL_AUTHENTICATION_ERROR;
    std::string output;
  };
  [[nodiscard]] Stepped step(std::string_view input) const;
  [[nodiscard]] AuthAnswer respond(const std::optional<Secret>& response);
  [[nodiscard]] AuthAnswer confirm(const std::optional<Secret>& response);
  [[nodiscard]] AuthAnswer take(Stepped stepped);
  [[nodiscard]] AuthAnswer take_password_step(Stepped stepped);
  [[nodiscard]] AuthAnswer take_scram_step(Stepped stepped);
  [[nodiscard]] AuthAnswer proceed();
  [[nodiscard]] AuthAnswer end(AuthAnswer answer);
  [[nodiscard]] AuthAnswer claim();
};

int AuthConversation::Session::call_back(Gsasl* /*context*/, Gsasl_session* sasl, Gsasl_property property) {
  auto* session = static_cast<Session*>(::gsasl_session_hook_get(sasl));
  return session == nullptr ? GSASL_NO_CALLBACK : session->answer(property);
}

// ---- The session with libgsasl ----

bool AuthConversation::Session::open(Gsasl* context) {
  if (context == nullptr || std::ranges::find(mechanisms, start.mechanism) == mechanisms.end()) return false;
  if (::gsasl_server_start(context, start.mechanism.c_str(), &sasl) != GSASL_OK) return false;
  ::gsasl_session_hook_set(sasl, this);
  bind_channel();
  return true;
}

/// Also without -PLUS: a client that thinks we have no channel binding although we offered it was lied to (RFC 5802 §6).
void AuthConversation::Session::bind_channel() const {
  const auto set = [this](Gsasl_property property, const std::string& octets) {
    if (!octets.empty()) static_cast<void>(::gsasl_property_set(sasl, property, base64::encode(octets).c_str()));
  };
  set(GSASL_CB_TLS_EXPORTER, start.exporter_binding);
  set(GSASL_CB_TLS_UNIQUE, start.unique_binding);
}

int AuthConversation::Session::answer(Gsasl_property property) {
  static constexpr std::array verifier{GSASL_SCRAM_ITER, GSASL_SCRAM_SALT, GSASL_SCRAM_STOREDKEY,
                                       GSASL_SCRAM_SERVERKEY};
  if (property == GSASL_VALIDATE_SIMPLE) return take_password();
  return std::ranges::find(verifier, property) == verifier.end() ? GSASL_NO_CALLBACK : give_verifier();
}

/// PLAIN and LOGIN have come to their end. Whether the password is right is seen in proceed().
int AuthConversation::Session::take_password() {
  name = property_of(sasl, GSASL_AUTHID);
  const auto acts_for = property_of(sasl, GSASL_AUTHZID);
  if (!acts_for.empty() && acts_for != name) return GSASL_AUTHENTICATION_ERROR;
  password = Secret(property_of(sasl, GSASL_PASSWORD));
  return GSASL_OK;
}

int AuthConversation::Session::give_verifier() {
  if (!name.empty()) return GSASL_NO_CALLBACK;  // given already: there is no more to tell
  name = property_of(sasl, GSASL_AUTHID);
  if (name.empty() || name.size() > longest_name || service.book_ == nullptr) return GSASL_NO_CALLBACK;
  auto entry = service.book_->find(name, true);
  const auto verifier = scram_verifier_of(entry.hash);
  if (!verifier) return GSASL_NO_CALLBACK;
  user = std::move(entry.user);
  is_stand_in = entry.is_stand_in;
  const auto set = [this](Gsasl_property property, const std::string& text) {
    return ::gsasl_property_set(sasl, property, text.c_str());
  };
  int code = set(GSASL_SCRAM_ITER, std::to_string(verifier->iterations));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_SALT, base64::encode(verifier->salt));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_STOREDKEY, base64::encode(verifier->stored_key));
  if (code == GSASL_OK) code = set(GSASL_SCRAM_SERVERKEY, base64::encode(verifier->server_key));
  return code;
}

AuthConversation::Session::Stepped AuthConversation::Session::step(std::string_view input) const {
  char* output = nullptr;
  std::size_t size = 0;
  Stepped stepped;
  stepped.code = ::gsasl_step(sasl, input.data(), input.size(), &output, &size);
  if (output != nullptr) {
    stepped.output.assign(output, size);
    ::gsasl_free(output);
  }
  return stepped;
}

// ---- The exchange ----

AuthAnswer AuthConversation::Session::respond(const std::optional<Secret>& response) {
  if (sasl == nullptr) return end({Kind::trouble, "the mechanism " + start.mechanism + " cannot be begun"});
  if (response && response->reveal().size() > world::most_auth_octets) return end({});
  if (stage == Stage::confirmed) return confirm(response);
  if (stage != Stage::talking) return end({});
  const bool is_first = prompts++ == 0;
  // RFC 4422 §5: the server has the first word in LOGIN, with which an initial response goes on.
  if (is_first && is_login() && response) {
    const auto greeting = step({});
    if (greeting.code != GSASL_NEEDS_MORE) return end({});
    ++prompts;
  }
  if (!is_first && (!response || response->is_empty())) return end({});
  return take(step(response ? response->reveal() : std::string_view{}));
}

AuthAnswer AuthConversation::Session::confirm(const std::optional<Secret>& response) {
  const bool is_proved = response && response->is_empty() && !is_stand_in;
  return end(is_proved ? AuthAnswer{Kind::success, user} : AuthAnswer{});
}

AuthAnswer AuthConversation::Session::take(Stepped stepped) {
  return is_scram() ? take_scram_step(std::move(stepped)) : take_password_step(std::move(stepped));
}

AuthAnswer AuthConversation::Session::take_password_step(Stepped stepped) {
  if (stepped.code == GSASL_OK) return claim();
  if (stepped.code != GSASL_NEEDS_MORE) return end({});
  if (!is_login()) return {Kind::challenge, std::move(stepped.output)};
  return {Kind::challenge, std::string(login_prompts.at(prompts > 1 ? 1 : 0))};
}

AuthAnswer AuthConversation::Session::take_scram_step(Stepped stepped) {
  if (stepped.code == GSASL_NEEDS_MORE && name.empty()) return {Kind::challenge, std::move(stepped.output)};
  if (stepped.code == GSASL_NEEDS_MORE && held.empty()) {
    const auto acts_for = property_of(sasl, GSASL_AUTHZID);
    if (!acts_for.empty() && acts_for != name) return end({});
    held = std::move(stepped.output);
    return claim();
  }
  if (stepped.code != GSASL_OK || is_stand_in) return end({});
  stage = Stage::confirmed;
  return {Kind::challenge, std::move(stepped.output)};
}

AuthAnswer AuthConversation::Session::claim() {
  if (name.empty() || name.size() > longest_name) return end({});
  stage = Stage::claimed;
  return {Kind::claim, name};
}

AuthAnswer AuthConversation::Session::proceed() {
  if (stage != Stage::claimed) return end({});
  if (is_scram()) {
    stage = Stage::talking;
    return {Kind::challenge, held};
  }
  return end(service.check_password({name, password, start.peer}));
}

AuthAnswer AuthConversation::Session::end(AuthAnswer answer) {
  stage = Stage::ended;
  return answer;
}

AuthConversation::AuthConversation(AuthService& service, world::AuthStart start)
    : session_(std::make_unique<Session>(service, std::move(start))) {
  static_cast<void>(session_->open(service.context_));
}

AuthConversation::~AuthConversation() = default;

AuthAnswer AuthConversation::respond(const std::optional<Secret>& response) { return session_->respond(response); }

AuthAnswer AuthConversation::proceed() { return session_->proceed(); }

// ---- The service ----

AuthService::AuthService(std::vector<PasswordSource*> sources, VerifierBook* book)
    : sources_(std::move(sources)), book_(book) {
  if (::gsasl_init(&context_) == GSASL_OK) ::gsasl_callback_set(context_, &AuthConversation::Session::call_back);
}

AuthService::~AuthService() {
  if (context_ != nullptr) ::gsasl_done(context_);
}

world::AuthOffer AuthService::offer() {
  return {.passwords = !sources_.empty(), .scram = book_ != nullptr && book_->has_scram()};
}

std::unique_ptr<SaslExchange> AuthService::begin(world::AuthStart start) {
  return std::make_unique<AuthConversation>(*this, std::move(start));
}

/// Every source in turn until one says yes. Trouble counts when none did: the password may be right where nobody could look.
AuthAnswer AuthService::check_password(const PasswordQuestion& question) {
  std::string trouble;
  for (auto* source : sources_) {
    auto verdict = source->check(question);
    if (verdict.kind == PasswordVerdict::Kind::right) return {Kind::success, std::move(verdict.text)};
    if (verdict.kind == PasswordVerdict::Kind::trouble) trouble = std::move(verdict.text);
  }
  return trouble.empty() ? AuthAnswer{} : AuthAnswer{Kind::trouble, std::move(trouble)};
}

}  // namespace posthorn::system
