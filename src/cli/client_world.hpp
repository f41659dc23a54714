// ClientWorld: what a command that talks to one server needs of the real world: a loop, a network, workers. It has threads
// while it lives; whoever forks does so before or after.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "service/server_access.hpp"
#include "system/clock.hpp"
#include "system/event_loop.hpp"
#include "system/host_lookup.hpp"
#include "system/socket_network.hpp"
#include "system/stream_environment.hpp"
#include "system/worker_threads.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::cli {

class ClientWorld {
 public:
  /// Errors: too_many_files, no_memory.
  [[nodiscard]] static Result<std::unique_ptr<ClientWorld>> make();
  explicit ClientWorld(std::unique_ptr<system::EventLoop> loop);
  ~ClientWorld();
  ClientWorld(const ClientWorld&) = delete;
  ClientWorld& operator=(const ClientWorld&) = delete;

  [[nodiscard]] world::Loop& loop() { return *loop_; }
  [[nodiscard]] world::Workers& workers() { return workers_; }
  [[nodiscard]] service::ClientNetwork network() { return {*loop_, network_}; }

  /// Runs the task to its end on this thread.
  template <class T>
  T run(world::Task<T> task) {
    return system::run_to_end(*loop_, std::move(task));
  }

 private:
  std::unique_ptr<system::EventLoop> loop_;
  system::WorkerThreads workers_{{"files", 1}};
  system::StreamEnvironment environment_;
  system::SocketNetwork network_;
};

/// The addresses of a host that a person named: a name, an address, an address in brackets. Errors: those of
/// system::look_up_host().
[[nodiscard]] Result<std::vector<Endpoint>> find_endpoints(const std::string& host, std::uint16_t port,
                                                           system::HostFamily family, Duration limit);

/// The host without the brackets of an address.
[[nodiscard]] std::string without_brackets(std::string host);

/// RFC 5321 §4.1.4: this machine's name if it is one that a server can take, else its usual address literal.
[[nodiscard]] std::string own_hello_name();

}  // namespace posthorn::cli
