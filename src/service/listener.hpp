// Listener: takes the connections of one listening socket on one loop, checks the limits and starts a reception for each.
// When descriptors run out it pauses with growing waits instead of spinning (FAULTS F23).
#pragma once

#include "service/connection_limits.hpp"
#include "service/policy.hpp"
#include "service/reception.hpp"
#include "service/session_names.hpp"
#include "world/network.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <cstddef>
#include <memory>
#include <unordered_set>

namespace posthorn::service {

/// The receptions of one loop, so that a server that stops can tell them. Part of the loop's thread.
class Receptions {
 public:
  explicit Receptions(world::Loop& loop) : all_gone_(loop) { all_gone_.set(); }

  /// Runs one until it ends.
  void start(ReceptionWorld& world, Reception::Start start);
  void shut_down(smtp::ServerSession::Shutdown how);
  /// Set while there is none.
  [[nodiscard]] world::Event& all_gone() { return all_gone_; }
  [[nodiscard]] std::size_t size() const { return running_.size(); }

 private:
  [[nodiscard]] world::Task<> run(ReceptionWorld& world, Reception::Start start);

  std::unordered_set<Reception*> running_;
  world::Event all_gone_;
  world::TaskGroup tasks_;
};

/// What a listener works with; all but the log is shared by those of a loop. All outlive it.
struct ListenerWorld {
  ReceptionWorld& reception;
  Receptions& receptions;
  ConnectionLimits& limits;
  SessionNames& names;
  const Snapshot<Policy>& policy;
  world::Log& log;  ///< this listener's
};

class Listener {
 public:
  /// `index`: its place in Policy::listeners.
  Listener(ListenerWorld world, std::unique_ptr<world::Acceptor> acceptor, std::size_t index);

  /// Accepts until close().
  [[nodiscard]] world::Task<> run();
  /// The server stops: whoever comes from now on is told so and is served no more.
  void refuse() { refuses_ = true; }
  void close() { acceptor_->close(); }

 private:
  void start_session(std::unique_ptr<world::Stream> stream);
  [[nodiscard]] world::Task<> pause(const Error& why);

  ListenerWorld world_;
  std::unique_ptr<world::Acceptor> acceptor_;
  std::size_t index_;
  Duration pause_{0};
  bool refuses_ = false;
};

}  // namespace posthorn::service
