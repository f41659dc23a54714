// ModelOperator: the administrator of the simulated server. Gives an order about some message that waits, as the control
// interface does, and enters in the book what was asked and what was answered.
#pragma once

#include "proof/model_world.hpp"
#include "service/server.hpp"
#include "world/task.hpp"

namespace posthorn::proof {

class ModelOperator {
 public:
  explicit ModelOperator(ModelWorld& world) : world_(world) {}

  /// About one of the messages that wait, or about none if none does.
  [[nodiscard]] world::Task<> give(service::Server& server, Order order);
  /// Everything that is on hold goes on.
  [[nodiscard]] world::Task<> release_all(service::Server& server);

 private:
  [[nodiscard]] world::Task<> give(service::Server& server, Order order, MessageId about, bool to_all);

  ModelWorld& world_;
};

}  // namespace posthorn::proof
