// Login: one exchange of AUTH, from the session's question to its answer: the authenticator is asked, the desk's memory of
// failures obeyed, the answer to a wrong password held back. What it learns goes into one log line, which names the client's
// address first, so that fail2ban and its kin can act on it (docs/authentication.md). No name that nobody has is logged:
// people type passwords in the wrong place.
#pragma once

#include "service/gatekeeper.hpp"
#include "service/login_desk.hpp"
#include "service/policy.hpp"
#include "smtp/reply.hpp"
#include "world/authenticator.hpp"
#include "world/log.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace posthorn::service {

/// All outlive the login.
struct LoginWorld {
  world::Loop& loop;
  world::Log& log;
  world::Authenticator& authenticator;
  LoginDesk& desk;
  Gatekeeper& gatekeeper;
};

class Login {
 public:
  struct Client {
    std::string session;  ///< its name in the log
    IpAddress peer;
    Duration longest_delay;
    Duration timeout;  ///< of one step of the authenticator
  };
  struct Challenge {
    std::string octets;
  };
  struct Proved {
    std::string user;
  };
  /// What the session is answered.
  using Outcome = std::variant<Challenge, Proved, smtp::Reply>;

  Login(const LoginWorld& world, Client client, world::AuthStart start);

  /// The client's octets, or none with the first step.
  [[nodiscard]] world::Task<Outcome> respond(std::optional<Secret> response);

 private:
  [[nodiscard]] world::Task<Outcome> conclude(world::AuthAnswer answer);
  [[nodiscard]] world::Task<Outcome> go_on(std::string login);
  [[nodiscard]] world::Task<Outcome> refuse_failure();
  [[nodiscard]] world::Task<Outcome> refuse_locked();
  [[nodiscard]] Outcome refuse_trouble(std::string_view why);
  [[nodiscard]] Outcome welcome(const std::string& login);
  [[nodiscard]] MonotonicTime deadline() const { return after(world_.loop.now(), client_.timeout); }
  void log(world::LogLevel level, std::string_view event, std::vector<world::LogField> more) const;

  LoginWorld world_;
  Client client_;
  std::string mechanism_;
  std::unique_ptr<world::AuthExchange> exchange_;
  MonotonicTime asked_{};  // when the step under way began
  std::string name_;       // as it is counted: of the user it means, or as it was written; empty: not told yet
  bool is_known_ = false;  // it is a user of the directory
};

}  // namespace posthorn::service
