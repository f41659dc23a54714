#include "proof/bounds.hpp"

#include <fmt/core.h>
#include <malloc.h>

#include <array>

namespace posthorn::proof {

std::optional<std::string> over_bounds(const Holding& holding, const WorkAtHand& work) {
  const auto sessions = work.clients + work.recipients + work.messages;
  struct Bound {
    const char* name;
    std::uint64_t held;
    std::uint64_t most;
  };
  const std::array bounds{
      Bound{"handles", holding.handles, 24 + holding.segments + 2 * sessions},
      Bound{"callbacks", holding.callbacks, 32 + 8 * sessions},
      Bound{"jobs", holding.jobs, 16 + 2 * sessions},
      // A group has one recipient at least; a message that has just been settled may still have its entry.
      Bound{"entries of the queue", holding.entries, 8 + work.recipients + work.messages},
      Bound{"segments", holding.segments, 16 + 2 * work.messages},
  };
  for (const auto& bound : bounds) {
    if (bound.held <= bound.most) continue;
    return fmt::format("{} {} are held where {} are the most, with {} clients and {} messages to {} recipients",
                       bound.held, bound.name, bound.most, work.clients, work.messages, work.recipients);
  }
  return std::nullopt;
}

std::size_t heap_in_use() {
  const auto facts = mallinfo2();
  return facts.uordblks + facts.hblkhd;
}

}  // namespace posthorn::proof
