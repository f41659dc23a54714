// "Did you mean …": the known word that a mistyped one is closest to.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace posthorn::config {

/// The nearest of `known` by insertions, deletions, replacements and swaps of neighbours, in any case; nothing when none
/// is nearer than a third of the word (and two at least for words of four letters on). Words past 64 octets match none.
[[nodiscard]] std::optional<std::string_view> nearest_word(std::string_view word,
                                                           std::span<const std::string_view> known);

}  // namespace posthorn::config
