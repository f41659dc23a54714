// RemoteDelivery: carries out the attempts of the queue manager whose destination is another host. It finds the targets,
// walks them in order, sends the message in one transaction for all recipients of the attempt, and keeps connections open
// for a moment for the next message to the same destination.
// A connection serves another message only for the same destination key, which tells ways of different encryption or login
// apart (FAULTS I15). Opportunistic TLS that failed is remembered, and the host is tried in the clear; where TLS is
// required it never is.
#pragma once

#include "rules/routing.hpp"
#include "rules/target_walk.hpp"
#include "service/delivery.hpp"
#include "service/outgoing_connection.hpp"
#include "service/policy.hpp"
#include "service/remote_letter.hpp"
#include "service/target_finder.hpp"
#include "world/log.hpp"
#include "world/task_group.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

namespace posthorn::service {

struct RemoteDeliverySettings {
  TargetFinderSettings targets;
  smtp::ClientSettings session;
  world::ConnectOptions source;
  Duration connect_timeout = std::chrono::seconds{30};
  Duration idle_time = std::chrono::seconds{2};  ///< a connection is kept for the next message
  std::size_t idle_connections = 100;            ///< in all
  std::uint32_t messages_per_connection = 100;
  std::size_t tries = 5;                         ///< targets per attempt
  Duration plain_memory = std::chrono::hours{1}; ///< how long a host whose TLS failed is spoken to in the clear
};

/// For metrics; counted since the start.
struct RemoteDeliveryFacts {
  std::uint64_t connections = 0;
  std::uint64_t reused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t ambiguous = 0;  ///< recipients whose connection was lost after the final dot (I3)
};

class RemoteDelivery final : public Deliverer {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;  ///< the home loop
    world::Network& network;
    world::Resolver& resolver;
    world::Random& random;
    world::Log& log;
  };

  /// `routing` outlives it too; attempts that begin later follow what is in it then.
  RemoteDelivery(World world, const Snapshot<rules::Routing>& routing, RemoteDeliverySettings settings);
  ~RemoteDelivery() override;

  [[nodiscard]] world::Task<AttemptResult> deliver(Attempt attempt) override;
  [[nodiscard]] const RemoteDeliveryFacts& facts() const { return facts_; }

 private:
  struct Idle {
    std::string destination;
    std::unique_ptr<OutgoingConnection> connection;
    std::uint64_t serial = 0;
  };

  [[nodiscard]] world::Task<> walk(RemoteLetter& letter, std::vector<rules::Target> targets);
  [[nodiscard]] world::Task<rules::TargetWalk::Ended> try_target(RemoteLetter& letter, rules::Target target);
  [[nodiscard]] world::Task<> try_unix_socket(RemoteLetter& letter);
  [[nodiscard]] world::Task<Result<std::unique_ptr<OutgoingConnection>>> connect(const rules::Way& way,
                                                                                 world::PeerAddress to,
                                                                                 std::string host, bool in_the_clear);
  /// Sends until every open recipient is decided or the connection will take no more. The end of the session, if it came.
  [[nodiscard]] world::Task<std::optional<smtp::SessionEnd>> send(RemoteLetter& letter, OutgoingConnection& connection);

  [[nodiscard]] std::unique_ptr<OutgoingConnection> take_idle(const std::string& destination);
  void keep(const std::string& destination, std::unique_ptr<OutgoingConnection> connection);
  [[nodiscard]] world::Task<> retire(std::uint64_t serial);
  [[nodiscard]] world::Task<> say_goodbye(std::unique_ptr<OutgoingConnection> connection);

  World world_;
  const Snapshot<rules::Routing>& routing_;
  RemoteDeliverySettings settings_;
  TargetFinder finder_;
  rules::HostMemory memory_;
  rules::HostMemory without_tls_;  // endpoints whose opportunistic TLS failed
  std::list<Idle> idle_;
  std::uint64_t serial_ = 0;
  RemoteDeliveryFacts facts_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
