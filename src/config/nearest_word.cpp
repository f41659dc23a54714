#include "config/nearest_word.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace posthorn::config {
namespace {

constexpr std::size_t longest = 64;
using Row = std::array<std::size_t, longest + 1>;

/// Optimal string alignment, three rows at a time.
std::size_t distance(std::string_view a, std::string_view b) {
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) last.at(j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = ascii::to_lower(a[i - 1]) == ascii::to_lower(b[j - 1]);
      row.at(j) = std::min({last.at(j) + 1, row.at(j - 1) + 1, last.at(j - 1) + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && ascii::to_lower(a[i - 1]) == ascii::to_lower(b[j - 2]) &&
                           ascii::to_lower(a[i - 2]) == ascii::to_lower(b[j - 1]);
      if (swapped) row.at(j) = std::min(row.at(j), before_last.at(j - 2) + 1);
    }
    before_last = last;
    last = row;
  }
  return last.at(b.size());
}

std::size_t tolerated(std::size_t length) { return length < 4 ? 1 : std::max<std::size_t>(2, length / 3); }

}  // namespace

std::optional<std::string_view> nearest_word(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > longest) return std::nullopt;
  std::optional<std::string_view> nearest;
  auto smallest = tolerated(word.size()) + 1;
  for (const auto candidate : known) {
    if (candidate.size() > longest) continue;
    const auto steps = distance(word, candidate);
    if (steps >= smallest) continue;
    smallest = steps;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace posthorn::config
