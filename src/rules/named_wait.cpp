// The wait that a temporary refusal names, in the words of the greylisting servers people run (retry_schedule.hpp). The
// text is cut into words, numbers and single other characters; a length of time counts only after a word that asks to wait.
#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "rules/retry_schedule.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace posthorn::rules {
namespace {

constexpr std::size_t longest_text = 2'000;  // octets of a reply that are looked at
constexpr std::uint64_t longest_seconds = 10ULL * 365 * 86'400;

using Tokens = std::span<const std::string_view>;

std::vector<std::string_view> cut(std::string_view text) {
  std::vector<std::string_view> tokens;
  Scanner scanner(text.substr(0, longest_text));
  while (!scanner.at_end()) {
    auto token = scanner.take_while(ascii::is_digit);
    if (token.empty()) token = scanner.take_while(ascii::is_letter);
    if (token.empty()) token = scanner.take_some(1);
    tokens.push_back(token);
  }
  return tokens;
}

bool is_number(std::string_view token) { return ascii::is_digit(token.front()); }

bool says_greylisted(std::string_view word) {
  return ascii::starts_with_word(word, "greylist") || ascii::starts_with_word(word, "graylist");
}

bool asks_to_wait(std::string_view word) {
  static constexpr std::array<std::string_view, 7> words{"again", "retry",   "back",    "wait",
                                                         "later", "delayed", "deferred"};
  return says_greylisted(word) ||
         std::ranges::any_of(words, [word](auto known) { return ascii::same_word(word, known); });
}

std::optional<std::uint64_t> unit_in_seconds(std::string_view word) {
  struct Unit {
    std::string_view name;
    std::uint64_t seconds;
  };
  static constexpr std::array<Unit, 16> units{{{"s", 1},
                                               {"sec", 1},
                                               {"secs", 1},
                                               {"second", 1},
                                               {"seconds", 1},
                                               {"m", 60},
                                               {"min", 60},
                                               {"mins", 60},
                                               {"minute", 60},
                                               {"minutes", 60},
                                               {"h", 3'600},
                                               {"hr", 3'600},
                                               {"hour", 3'600},
                                               {"hours", 3'600},
                                               {"day", 86'400},
                                               {"days", 86'400}}};
  const auto found =
      std::ranges::find_if(units, [word](const Unit& unit) { return ascii::same_word(word, unit.name); });
  return found == units.end() ? std::nullopt : std::optional{found->seconds};
}

std::optional<std::uint64_t> small_number(std::string_view digits) {
  return digits.size() <= 9 ? ascii::to_number(digits) : std::nullopt;
}

Tokens skip(Tokens tokens, std::string_view characters) {
  while (!tokens.empty() && tokens.front().size() == 1 && characters.contains(tokens.front().front())) {
    tokens = tokens.subspan(1);
  }
  return tokens;
}

/// "05:00" or "00:05:00" at the start.
std::optional<std::uint64_t> clock_at(Tokens tokens) {
  const auto is_part = [](std::string_view token) { return is_number(token) && token.size() == 2; };
  std::uint64_t total = 0;
  std::size_t parts = 0;
  while (parts < 3 && !tokens.empty() && is_part(tokens.front())) {
    total = total * 60 + *ascii::to_number(tokens.front());
    ++parts;
    tokens = tokens.subspan(1);
    if (tokens.size() < 2 || tokens[0] != ":" || !is_part(tokens[1])) break;
    tokens = tokens.subspan(1);
  }
  return parts >= 2 ? std::optional{total} : std::nullopt;
}

/// "300 seconds", "5min", "1 hour, 30 minutes", "10 more minutes" at the start.
std::optional<std::uint64_t> length_at(Tokens tokens) {
  std::optional<std::uint64_t> total;
  while (!tokens.empty() && is_number(tokens.front())) {
    const auto number = small_number(tokens.front());
    tokens = skip(tokens.subspan(1), " -");
    if (!tokens.empty() && ascii::same_word(tokens.front(), "more")) tokens = skip(tokens.subspan(1), " ");
    const auto unit = tokens.empty() ? std::nullopt : unit_in_seconds(tokens.front());
    if (!number || !unit) break;
    total = total.value_or(0) + *number * *unit;
    tokens = skip(tokens.subspan(1), " ,");
  }
  return total;
}

/// A bare number of seconds after "retry=", "retry: ", "retry-after ".
std::optional<std::uint64_t> value_at(Tokens before, Tokens tokens) {
  bool assigned = false;
  while (!before.empty() && !ascii::same_word(before.back(), "retry")) {
    const auto token = before.back();
    if (token == "=" || token == ":" || ascii::same_word(token, "after")) {
      assigned = true;
    } else if (token != " " && token != "-" && token != "_") {
      return std::nullopt;
    }
    before = before.first(before.size() - 1);
  }
  return assigned && !before.empty() ? small_number(tokens.front()) : std::nullopt;
}

/// Whether the number is a part of something else: "4.7.1", "x300", "10.0.0.1".
bool is_part_of_a_name(Tokens before, Tokens tokens) {
  if (!before.empty() && (before.back() == "." || ascii::is_letter(before.back().front()))) return true;
  return tokens.size() > 2 && tokens[1] == "." && is_number(tokens[2]);
}

std::optional<std::uint64_t> seconds_at(Tokens before, Tokens tokens) {
  if (is_part_of_a_name(before, tokens)) return std::nullopt;
  if (const auto clock = clock_at(tokens)) return clock;
  if (const auto length = length_at(tokens)) return length;
  return value_at(before, tokens);
}

}  // namespace

std::optional<Duration> named_wait(std::string_view reply_text) {
  const auto tokens = cut(reply_text);
  bool asked = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    asked = asked || asks_to_wait(tokens[i]);
    if (!asked || !is_number(tokens[i])) continue;
    const auto found = seconds_at(Tokens{tokens}.first(i), Tokens{tokens}.subspan(i));
    if (found) return std::chrono::seconds{std::min(*found, longest_seconds)};
  }
  return std::nullopt;
}

bool is_greylisting(std::string_view reply_text) {
  const auto tokens = cut(reply_text);
  return std::ranges::any_of(tokens, says_greylisted) || named_wait(reply_text);
}

}  // namespace posthorn::rules
