#include "system/pam_source.hpp"

#include "base/ascii.hpp"

#include <security/pam_appl.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <span>
#include <utility>

namespace posthorn::system {
namespace {

/// Answers PAM's questions: the password where it is asked for, once for each question of that kind.
// PAM frees the answers with free(3), so that they come from calloc(3).
int converse(int count, const pam_message** questions, pam_response** answers, void* data) {
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  const auto* password = static_cast<const Secret*>(data);
  auto* made = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (made == nullptr) return PAM_BUF_ERR;
  const std::span list(made, static_cast<std::size_t>(count));
  const std::span asked(questions, static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (asked[i]->msg_style == PAM_PROMPT_ECHO_OFF) list[i].resp = ::strdup(std::string(password->reveal()).c_str());
  }
  *answers = made;
  return PAM_SUCCESS;
}

void do_not_wait(int /*code*/, unsigned /*microseconds*/, void* /*data*/) {}

/// Ends the transaction with the code it came to.
class Transaction {
 public:
  Transaction(const PamSource::Settings& settings, const std::string& user, const Secret& password)
      : conversation_{&converse, const_cast<Secret*>(&password)} {
    const auto* folder = settings.folder.empty() ? nullptr : settings.folder.c_str();
    code_ = ::pam_start_confdir(settings.service.c_str(), user.c_str(), &conversation_, folder, &handle_);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() {
    if (handle_ != nullptr) ::pam_end(handle_, code_);
  }

  int run(const std::string& peer) {
    if (code_ == PAM_SUCCESS) code_ = ::pam_set_item(handle_, PAM_RHOST, peer.c_str());
    // The delay after a failure is the session's: a thread must not sleep here while others wait.
    if (code_ == PAM_SUCCESS) code_ = ::pam_set_item(handle_, PAM_FAIL_DELAY, std::bit_cast<const void*>(&do_not_wait));
    if (code_ == PAM_SUCCESS) code_ = ::pam_authenticate(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (code_ == PAM_SUCCESS) code_ = ::pam_acct_mgmt(handle_, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    return code_;
  }
  /// A module may have changed it.
  [[nodiscard]] std::string user() const {
    const void* name = nullptr;
    if (::pam_get_item(handle_, PAM_USER, &name) != PAM_SUCCESS || name == nullptr) return {};
    return static_cast<const char*>(name);
  }
  [[nodiscard]] std::string why() const { return ::pam_strerror(handle_, code_); }

 private:
  pam_conv conversation_;
  pam_handle_t* handle_ = nullptr;
  int code_ = PAM_SYSTEM_ERR;
};

/// What says no to this user and this password. Everything else says that PAM itself is in trouble.
bool is_refusal(int code) {
  return code == PAM_AUTH_ERR || code == PAM_USER_UNKNOWN || code == PAM_MAXTRIES || code == PAM_ACCT_EXPIRED ||
         code == PAM_NEW_AUTHTOK_REQD || code == PAM_PERM_DENIED || code == PAM_CRED_INSUFFICIENT ||
         code == PAM_AUTHTOK_EXPIRED;
}

bool is_plain_name(std::string_view name) {
  return !name.empty() &&
         !std::ranges::any_of(name, [](char c) { return ascii::is_control(c) || c == ' ' || c == '/'; });
}

}  // namespace

std::string_view PamSource::account_of(std::string_view name) const {
  const auto at = name.rfind('@');
  if (at == std::string_view::npos) return name;
  const auto domain = name.substr(at + 1);
  const bool is_ours =
      std::ranges::any_of(settings_.domains, [&](const auto& ours) { return ascii::same_word(ours, domain); });
  return is_ours ? name.substr(0, at) : name;
}

PasswordVerdict PamSource::check(const PasswordQuestion& question) {
  using Kind = PasswordVerdict::Kind;
  const std::string account(account_of(question.name));
  if (!is_plain_name(account) || question.password.is_empty()) return {};
  Transaction transaction(settings_, account, question.password);
  const int code = transaction.run(question.peer.to_string());
  if (code == PAM_SUCCESS) return {Kind::right, transaction.user()};
  if (is_refusal(code)) return {};
  return {Kind::trouble, "PAM, service " + settings_.service + ": " + transaction.why()};
}

}  // namespace posthorn::system
