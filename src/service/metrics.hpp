// Metrics: the counters of the server as Prometheus text. Read at the moment of asking from those who count; nothing is
// kept here. On the home loop.
#pragma once

#include "service/connection_limits.hpp"
#include "service/history.hpp"
#include "service/queue_manager.hpp"
#include "service/remote_delivery.hpp"
#include "service/traffic.hpp"
#include "store/spool.hpp"

#include <string>

namespace posthorn::service {

class Metrics {
 public:
  /// All outlive it.
  struct World {
    const Traffic& traffic;
    const ConnectionLimits& connections;
    const QueueManager& queue;
    const store::Spool& spool;
    const History& history;
    const RemoteDeliveryFacts* remote = nullptr;  ///< none: nothing is sent anywhere
  };

  explicit Metrics(World world) : world_(world) {}

  [[nodiscard]] std::string text() const;

 private:
  World world_;
};

}  // namespace posthorn::service
