#include "proof/trace.hpp"

#include <fmt/core.h>

#include <chrono>
#include <cstring>

namespace posthorn::proof {

void Trace::note(std::string_view who, std::string_view what) { note(who, what, {}, {}); }

void Trace::note(std::string_view who, std::string_view first, std::string_view second, std::string_view third) {
  const auto now = loop_.now().time_since_epoch();
  mix(static_cast<std::uint64_t>(now.count()));
  for (const auto piece : {who, first, second, third}) mix(piece);
  ++lines_;
  if (!show_) return;
  const auto seconds = std::chrono::duration<double>(now).count();
  show_(fmt::format("[{:14.6f}] {}: {} {} {}", seconds, who, first, second, third));
}

/// One round of a multiply-and-shift hash; what is mixed in words stays the same on every little-endian machine.
void Trace::mix(std::uint64_t word) {
  hash_ = (hash_ ^ word) * 0xff51afd7ed558ccdULL;
  hash_ ^= hash_ >> 32;
}

void Trace::mix(std::string_view text) {
  mix(text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const auto count = text.size() < sizeof word ? text.size() : sizeof word;
    std::memcpy(&word, text.data(), count);
    mix(word);
    text.remove_prefix(count);
  }
}

}  // namespace posthorn::proof
