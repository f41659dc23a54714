// WorkerAuthenticator: a SaslService behind world::Authenticator, on worker threads of this process.
// A step that does not end by its deadline (a PAM module that hangs) is given up; its thread comes back when it may.
#pragma once

#include "system/sasl_service.hpp"
#include "world/authenticator.hpp"
#include "world/workers.hpp"

#include <memory>

namespace posthorn::system {

class WorkerAuthenticator final : public world::Authenticator {
 public:
  /// Both outlive it, and every exchange; the workers have ended before the service goes.
  WorkerAuthenticator(SaslService& service, world::Workers& workers) : service_(service), workers_(workers) {}

  world::Task<world::AuthOffer> offer(world::Loop& loop) override;
  [[nodiscard]] std::unique_ptr<world::AuthExchange> begin(world::Loop& loop, world::AuthStart start) override;

 private:
  SaslService& service_;
  world::Workers& workers_;
};

}  // namespace posthorn::system
