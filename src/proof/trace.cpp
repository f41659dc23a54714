#include "proof/trace.hpp"

#include <fmt/core.h>

#include <chrono>

namespace posthorn::proof {

void Trace::note(std::string_view who, std::string_view what) { note(who, what, {}, {}); }

void Trace::note(std::string_view who, std::string_view first, std::string_view second, std::string_view third) {
  const auto now = loop_.now().time_since_epoch();
  const auto mix_into = [&](sim::RunningHash& hash) {
    hash.mix(static_cast<std::uint64_t>(now.count()));
    for (const auto piece : {who, first, second, third}) hash.mix(piece);
  };
  mix_into(hash_);
  if (keeps_outside_ && who != disk) mix_into(outside_);
  ++lines_;
  if (!show_) return;
  const auto seconds = std::chrono::duration<double>(now).count();
  show_(fmt::format("[{:14.6f}] {}: {} {} {}", seconds, who, first, second, third));
}

}  // namespace posthorn::proof
