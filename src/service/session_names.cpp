#include "service/session_names.hpp"

#include <array>
#include <charconv>

namespace posthorn::service {
namespace {

std::string base36(std::uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 36).ptr;
  return {digits.data(), end};
}

}  // namespace

SessionNames::SessionNames(WallTime start)
    : run_(base36(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::seconds>(start.time_since_epoch()).count()))) {}

std::string SessionNames::next() { return run_ + "-" + base36(counter_.fetch_add(1, std::memory_order_relaxed) + 1); }

}  // namespace posthorn::service
