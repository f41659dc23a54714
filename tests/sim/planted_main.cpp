// posthorn_planted: the simulator on a server in which one of the planted faults is active (cmake/planted.cmake).
// posthorn_planted --faults                                          lists them
// posthorn_planted FAULT A-B [--stop-at-failure]                     as `posthorn sim --seeds A-B`; FAULT may be "none"
#include "planted_faults.hpp"
#include "proof/simulation.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

namespace {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

std::optional<Range> read_range(std::string_view text) {
  Range range;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, range.last);
  if (last.ec != std::errc{} || last.ptr != end || range.last < range.first) return std::nullopt;
  return range;
}

int run(Range range, bool stops) {
  bool is_good = true;
  for (auto seed = range.first; seed <= range.last && (is_good || !stops); ++seed) {
    const auto outcome = posthorn::proof::simulate(seed);
    fmt::print("{}\n", outcome.line());
    std::fflush(stdout);  // a planted fault may end the program
    is_good = is_good && outcome.is_good();
  }
  return is_good ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::span given(words, static_cast<std::size_t>(count));
  if (given.size() == 2 && std::string_view(given[1]) == "--faults") {
    for (const auto name : posthorn::planted_fault_names()) fmt::print("{}\n", name);
    return 0;
  }
  const auto range = given.size() >= 3 ? read_range(given[2]) : std::nullopt;
  if (!range || !posthorn::plant_fault(given[1])) {
    fmt::print(stderr,
               "posthorn_planted: say --faults, or FAULT A-B [--stop-at-failure] with a fault that --faults lists\n");
    return 64;
  }
  return run(*range, given.size() > 3 && std::string_view(given[3]) == "--stop-at-failure");
}
