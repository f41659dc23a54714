// Machine: one life of the server, from a start to an end in order, a kill or a power cut: service::Server with everything
// that belongs to it, joined to a simulated world as cli/serve_world joins it to the real one. What outlives it is the
// world's: time, disk, network, other hosts.
#pragma once

#include "proof/machine_loop.hpp"
#include "proof/machine_workers.hpp"
#include "service/directory_routes.hpp"
#include "service/local_delivery.hpp"
#include "service/remote_delivery.hpp"
#include "service/server.hpp"
#include "sim/disk.hpp"
#include "sim/network.hpp"
#include "sim/random.hpp"
#include "sim/shared_files.hpp"
#include "store/maildir.hpp"
#include "world/authenticator.hpp"
#include "world/log.hpp"
#include "world/resolver.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace posthorn::proof {

struct MachineSettings {
  service::ServerSettings server;
  service::RemoteDeliverySettings remote;
  std::shared_ptr<const rules::Directory> directory;
  Duration longest_job_wait{};
  std::uint32_t process = 1;
};

/// All outlive the machine.
struct MachineWorld {
  sim::Loop& loop;
  sim::Disk& disk;
  sim::Network& network;
  world::Resolver& resolver;
  world::Log& log;
  world::Authenticator& authenticator;
  std::uint64_t seed = 1;  ///< of this life
};

class Machine {
 public:
  Machine(MachineWorld world, MachineSettings settings);
  /// Ends at once, whatever is under way: a power cut or a kill.
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  static const Endpoint mx;
  static const Endpoint relay;
  static const Endpoint submission;
  static constexpr const char* mail_root = "/mail";
  static constexpr const char* state_folder = "/state";

  /// Begins to start; has_started() says when it is done.
  void start();
  /// None: not yet. An error: it refused to start.
  [[nodiscard]] const std::optional<Result<>>& has_started() const { return started_; }
  /// Begins to end in order.
  void stop();
  [[nodiscard]] bool has_stopped() const { return has_stopped_; }

  /// Runs a task of somebody who uses the server; it ends with this life.
  void run(world::Task<> task) { tasks_.start(std::move(task)); }

  [[nodiscard]] service::Server& server() { return *server_; }
  [[nodiscard]] const service::RemoteDelivery& remote_delivery() const { return remote_delivery_; }
  [[nodiscard]] std::size_t callbacks_waiting() const { return loop_.waiting(); }
  [[nodiscard]] std::size_t jobs_waiting() const { return commit_worker_.waiting() + workers_.waiting(); }

 private:
  [[nodiscard]] world::Task<> run_start();
  [[nodiscard]] world::Task<> run_stop();
  [[nodiscard]] service::ServerWorld server_world();

  MachineWorld world_;
  MachineSettings settings_;
  sim::Random random_;
  MachineLoop loop_;
  MachineWorkers commit_worker_;
  MachineWorkers workers_;
  service::DirectorySource directory_;
  service::Snapshot<rules::Routing> routing_;
  service::DirectoryRoutes routes_;
  sim::SharedFiles files_;
  store::MaildirFormat mailboxes_;
  service::LocalDelivery local_delivery_;
  service::RemoteDelivery remote_delivery_;
  std::unique_ptr<service::Server> server_;
  std::optional<Result<>> started_;
  bool has_stopped_ = false;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::proof
