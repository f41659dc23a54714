// ForkedWorkers: the inside of a process that only forks: each order, a name and one end of a new channel, gets a child of its
// own, which does the work, speaks on that channel, and ends. One child at a time works for a name: the next one waits for the
// end of the one before, and ends it if it will not go. Of who orders nothing else is read. One thread: the children are copies of it.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "system/control_channel.hpp"
#include "system/descriptor.hpp"

#include <sys/types.h>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::system {

enum class WorkPacket : std::uint16_t {
  channel = 1,  ///< from the parent: one end of a channel on which orders come; the one before ends
  work,         ///< on that channel: a name, with one end of a channel
  alive,        ///< from the parent, and back to it: somebody reads its packets
};

/// In the child.
struct WorkOrder {
  std::string name;  ///< as it came: bounded, and nothing else is known of it
  ControlChannel channel;
  Descriptor predecessor;  ///< the process that worked for that name before, if it may still run (pidfd)
  pid_t parent = 0;        ///< with which the child shall end: to be said after each change of account
};

class ForkedWorkers {
 public:
  struct Settings {
    std::string process_name;  ///< of the children, for ps
    std::vector<int> kept{};   ///< descriptors that the children keep open
    std::size_t most = 64;     ///< children at once; beyond that an order's channel is closed at once
    std::size_t name = 254;    ///< octets
  };
  using Work = std::function<void(WorkOrder& order)>;

  ForkedWorkers(Settings settings, Work work) : settings_(std::move(settings)), work_(std::move(work)) {}

  /// Until the parent has gone, or says something that does not fit.
  void serve(const ControlChannel& parent);

 private:
  struct Child {
    pid_t pid = 0;
    std::string name;
    Descriptor process;
  };

  [[nodiscard]] bool obey(const ControlChannel& parent, ControlPacket packet);
  void take_orders();
  void start(ControlPacket packet);
  void reap();
  [[nodiscard]] Descriptor predecessor_of(const std::string& name) const;
  [[noreturn]] void become_child(ControlPacket packet, pid_t parent);

  Settings settings_;
  Work work_;
  std::optional<ControlChannel> orders_;
  std::vector<Child> children_;  // in the order of their starts
};

/// Waits for the end of the process; when it does not come, ends it, and waits as long again. False: it has not ended.
[[nodiscard]] bool outlive(const Descriptor& process, Duration patience);

}  // namespace posthorn::system
