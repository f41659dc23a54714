// ModelAuthenticator: who the users of the simulated world are and what their passwords are; PLAIN only. Each check takes its
// time, and now and then cannot be made.
#pragma once

#include "proof/model_world.hpp"
#include "world/authenticator.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace posthorn::proof {

class ModelAuthenticator final : public world::Authenticator {
 public:
  explicit ModelAuthenticator(ModelWorld& models) : models_(models) {}

  world::Task<world::AuthOffer> offer(world::Loop& loop) override;
  [[nodiscard]] std::unique_ptr<world::AuthExchange> begin(world::Loop& loop, world::AuthStart start) override;

  [[nodiscard]] static std::string password_of(std::string_view user) { return "password of " + std::string(user); }

 private:
  class Exchange;
  ModelWorld& models_;
};

}  // namespace posthorn::proof
