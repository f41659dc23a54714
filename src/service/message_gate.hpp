// MessageGate: keeps what an operator does to a message apart from the outcomes of its attempts. Outcomes of one message
// may be recorded side by side (they are about different recipients); an operator's change reads a state and writes another,
// and is alone with the message while it does. Costs nothing for messages that nobody asks about twice.
// One loop's thread only.
#pragma once

#include "base/message_id.hpp"
#include "world/task.hpp"
#include "world/wait.hpp"

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace posthorn::service {

class MessageGate {
 public:
  explicit MessageGate(world::Loop& loop) : loop_(loop) {}

  /// Many may be inside at once; none while it is closed. Waits as long as it is. Each enter() has its leave().
  [[nodiscard]] world::Task<> enter(MessageId id);
  void leave(MessageId id);
  /// Alone with the message. False: the deadline passed first. A close() that succeeded has its open().
  [[nodiscard]] world::Task<bool> close(MessageId id, MonotonicTime deadline);
  void open(MessageId id);

  /// Messages somebody is busy with.
  [[nodiscard]] std::size_t size() const { return gates_.size(); }

 private:
  struct Gate {
    std::uint32_t inside = 0;
    std::uint32_t waiting = 0;
    bool is_closed = false;
    std::unique_ptr<world::Event> changed;  // made for the first that waits
  };

  [[nodiscard]] world::Task<bool> wait(Gate& gate, MonotonicTime deadline);
  void wake(MessageId id);

  world::Loop& loop_;
  std::unordered_map<MessageId, Gate> gates_;
};

}  // namespace posthorn::service
