#include "service/message_gate.hpp"

#include "base/assert.hpp"

namespace posthorn::service {

world::Task<> MessageGate::enter(MessageId id) {
  auto& gate = gates_[id];
  while (gate.is_closed) co_await wait(gate, never);
  ++gate.inside;
}

void MessageGate::leave(MessageId id) {
  auto& gate = gates_.at(id);
  ensure(gate.inside > 0, "who leaves was inside");
  --gate.inside;
  wake(id);
}

world::Task<bool> MessageGate::close(MessageId id, MonotonicTime deadline) {
  auto& gate = gates_[id];
  while (gate.is_closed || gate.inside > 0) {
    const bool changed = co_await wait(gate, deadline);
    if (changed) continue;
    wake(id);
    co_return false;
  }
  gate.is_closed = true;
  co_return true;
}

void MessageGate::open(MessageId id) {
  auto& gate = gates_.at(id);
  ensure(gate.is_closed, "who opens had closed");
  gate.is_closed = false;
  wake(id);
}

/// References to a gate stay good while somebody waits at it: it is not taken away then.
world::Task<bool> MessageGate::wait(Gate& gate, MonotonicTime deadline) {
  if (!gate.changed) gate.changed = std::make_unique<world::Event>(loop_);
  gate.changed->clear();
  ++gate.waiting;
  const bool changed = co_await gate.changed->wait(deadline);
  --gate.waiting;
  co_return changed;
}

void MessageGate::wake(MessageId id) {
  const auto found = gates_.find(id);
  auto& gate = found->second;
  if (gate.waiting > 0) {
    gate.changed->set();
  } else if (gate.inside == 0 && !gate.is_closed) {
    gates_.erase(found);
  }
}

}  // namespace posthorn::service
