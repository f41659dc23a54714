// RemoteDelivery: carries out the attempts of the queue manager whose destination is another host. It finds the targets,
// walks them in order, sends the message in one transaction for all recipients of the attempt, and keeps connections open
// for a moment for the next message to the same destination. An attempt may learn by which name DNS knows
// its destination (Attempt::moves_to).
// A connection serves another message only on equal terms: destination, encryption, login; and if its server takes what the
// message needs (FAULTS I15). Opportunistic TLS that failed is remembered, and the host is tried in the clear; where TLS is
// required it never is. A server without 8BITMIME gets the message in 7 bits, if it can be converted.
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
  std::size_t tries = 5;                          ///< targets per attempt
  Duration plain_memory = std::chrono::hours{1};  ///< how long a host whose TLS failed is spoken to in the clear
  std::string certificate_file;                   ///< client certificate, PEM; empty: none
  std::string key_file;                           ///< empty: in the certificate's file
};

/// For metrics; counted since the start.
struct RemoteDeliveryFacts {
  std::uint64_t connections = 0;
  std::uint64_t failed_connections = 0;
  std::uint64_t reused = 0;
  std::uint64_t delivered = 0;
  std::uint64_t ambiguous = 0;       ///< recipients whose connection was lost after the final dot (I3)
  std::uint64_t may_be_repeats = 0;  ///< attempts for messages of an earlier start, which may have sent them and died
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
    Deliverer* hand_over = nullptr;  ///< for what goes into hand-over folders instead
  };

  /// `routing` outlives it too; attempts that begin later follow what is in it then.
  RemoteDelivery(World world, const Snapshot<rules::Routing>& routing, RemoteDeliverySettings settings);
  ~RemoteDelivery() override;

  [[nodiscard]] world::Task<AttemptResult> deliver(Attempt attempt) override;
  /// For connections that are made from now on.
  void change(RemoteDeliverySettings settings);
  [[nodiscard]] const RemoteDeliveryFacts& facts() const { return facts_; }

 private:
  /// What must be equal for one connection to serve two messages.
  struct Terms {
    std::string destination;
    std::string security;
    std::shared_ptr<const rules::Login> login;

    bool operator==(const Terms&) const = default;
  };
  struct Idle {
    Terms terms;
    std::unique_ptr<OutgoingConnection> connection;
    MonotonicTime until{};  // then it is ended
  };

  void note_repeat(const RemoteLetter& letter);
  [[nodiscard]] world::Task<AttemptResult> hand_over(Attempt attempt, std::string domain);
  [[nodiscard]] world::Task<AttemptResult> relay(RemoteLetter& letter, const rules::Way& way);
  /// The host that has answered for everybody, if an open connection could be used: it need not be asked again.
  [[nodiscard]] world::Task<std::string> send_by_idle(RemoteLetter& letter, const rules::Way& way);
  [[nodiscard]] world::Task<> walk(RemoteLetter& letter, const rules::Way& way, std::vector<rules::Target> targets,
                                   bool has_first_choice);
  /// `is_first_choice`: its connection may serve the next message.
  [[nodiscard]] world::Task<rules::TargetWalk::Ended> try_target(RemoteLetter& letter, const rules::Way& way,
                                                                 rules::Target target, bool is_first_choice);
  [[nodiscard]] world::Task<> try_unix_socket(RemoteLetter& letter, const rules::Way& way);
  [[nodiscard]] world::Task<Result<std::unique_ptr<OutgoingConnection>>> connect(const rules::Way& way,
                                                                                 world::PeerAddress to,
                                                                                 std::string host, bool in_the_clear);
  /// Sends until every open recipient is decided or the connection will take no more. The end of the session, if it came.
  [[nodiscard]] world::Task<std::optional<smtp::SessionEnd>> send(RemoteLetter& letter, OutgoingConnection& connection);

  [[nodiscard]] static Terms terms_of(const RemoteLetter& letter, const rules::Way& way);
  [[nodiscard]] std::unique_ptr<OutgoingConnection> take_idle(const Terms& terms, const mail::Envelope& envelope);
  void keep(Terms terms, std::unique_ptr<OutgoingConnection> connection);
  void count(const AttemptResult& result);
  /// Ends connections that nobody has needed for a while; one task, for as long as there are any.
  [[nodiscard]] world::Task<> retire_idle();
  [[nodiscard]] world::Task<> say_goodbye(std::unique_ptr<OutgoingConnection> connection);

  World world_;
  const Snapshot<rules::Routing>& routing_;
  RemoteDeliverySettings settings_;
  TargetFinder finder_;
  rules::HostMemory memory_;
  rules::HostMemory without_tls_;  // endpoints whose opportunistic TLS failed
  std::list<Idle> idle_;           // the first to be ended first
  bool retires_ = false;           // retire_idle() runs
  RemoteDeliveryFacts facts_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
