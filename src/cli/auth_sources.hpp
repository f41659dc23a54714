// AuthSources: what checks passwords in this process, made from the configuration: the sources in their order, the service
// over them, the threads it runs on, and the authenticator that the sessions see.
#pragma once

#include "cli/user_verifiers.hpp"
#include "config/configuration.hpp"
#include "system/auth_service.hpp"
#include "system/worker_authenticator.hpp"
#include "system/worker_threads.hpp"

#include <memory>
#include <vector>

namespace posthorn::cli {

class AuthSources {
 public:
  /// `checks` of passwords at once. There is one thread more, so that what is quick never waits for them.
  AuthSources(const config::Configuration& configuration, world::Disk& disk, KeyedHash::Key key, unsigned checks);

  [[nodiscard]] world::Authenticator& authenticator() { return authenticator_; }
  /// Another users file, other domains. Which sources there are changes at a restart only.
  void change(const config::Configuration& configuration);
  /// Ends the threads, after the check that each has under way.
  void end() { workers_.end(); }

 private:
  [[nodiscard]] std::vector<system::PasswordSource*> make(const config::Configuration& configuration);
  [[nodiscard]] system::VerifierBook* book_if_asked(const config::Configuration& configuration);

  UserVerifiers book_;
  std::vector<std::unique_ptr<system::PasswordSource>> sources_;
  system::AuthService service_;
  system::WorkerThreads workers_;
  system::WorkerAuthenticator authenticator_;
};

}  // namespace posthorn::cli
