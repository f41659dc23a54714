// Kinds that are amounts: durations, sizes, numbers.
#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "config/kinds.hpp"

#include <fmt/core.h>

#include <array>
#include <limits>

namespace posthorn::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t worth;
};

/// In milliseconds, from the largest.
constexpr std::array<Unit, 6> duration_units{
    {{"w", 604'800'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

/// In octets; what is written comes from the first that divides.
constexpr std::array<Unit, 9> size_units{{{"TiB", kibibyte* kibibyte* mebibyte},
                                          {"GiB", kibibyte* mebibyte},
                                          {"MiB", mebibyte},
                                          {"KiB", kibibyte},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"KB", 1'000},
                                          {"B", 1}}};

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
  if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a) return std::nullopt;
  return a * b;
}

/// The longest unit name that stands here, among those from `first` on.
std::optional<std::size_t> take_unit(Scanner& scanner, std::span<const Unit> units, std::size_t first) {
  const auto word = scanner.take_while(ascii::is_letter);
  for (auto i = first; i < units.size(); ++i) {
    if (ascii::same_word(word, units[i].name)) return i;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> take_amount(Scanner& scanner, std::span<const Unit> units, std::size_t& next_unit) {
  const auto number = ascii::to_number(scanner.take_while(ascii::is_digit));
  const auto unit = take_unit(scanner, units, next_unit);
  if (!number || !unit) return std::nullopt;
  next_unit = *unit + 1;
  return product(*number, units[*unit].worth);
}

/// In milliseconds; past the largest number is nothing.
std::optional<std::uint64_t> parse_milliseconds(std::string_view text) {
  Scanner scanner(text);
  std::uint64_t sum = 0;
  std::size_t next_unit = 0;
  do {
    const auto amount = take_amount(scanner, duration_units, next_unit);
    if (!amount || *amount > std::numeric_limits<std::uint64_t>::max() - sum) return std::nullopt;
    sum += *amount;
  } while (!scanner.at_end());
  return sum;
}

std::optional<std::uint64_t> parse_octets(std::string_view text) {
  Scanner scanner(text);
  std::size_t next_unit = 0;
  const auto amount = take_amount(scanner, size_units, next_unit);
  return scanner.at_end() ? amount : std::nullopt;
}

std::uint64_t milliseconds_of(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

/// A number in TOML, from `least` to `most`.
template <class Number>
Kind<Number> number(std::string name, std::uint64_t least, std::uint64_t most) {
  const auto read = [=](const Value& value, Reading& reading) -> std::optional<Number> {
    const auto* given = std::get_if<std::int64_t>(&value.content);
    if (given == nullptr) {
      wrong_type(value, name, reading);
      return std::nullopt;
    }
    if (*given < 0 || static_cast<std::uint64_t>(*given) < least || static_cast<std::uint64_t>(*given) > most) {
      reading.fault(value.place, fmt::format("must be {}, not {}", name, *given));
      return std::nullopt;
    }
    return static_cast<Number>(*given);
  };
  return {name, read, [](const Number& value) { return fmt::format("{}", value); }};
}

}  // namespace

std::string duration_text(Duration duration) {
  auto rest = milliseconds_of(duration);
  std::string text;
  for (const auto& unit : std::span(duration_units).subspan(1)) {
    if (rest < unit.worth) continue;
    text += fmt::format("{}{}", rest / unit.worth, unit.name);
    rest %= unit.worth;
  }
  return text.empty() ? "0s" : text;
}

std::string size_text(std::uint64_t octets) {
  for (const auto& unit : size_units) {
    if (octets >= unit.worth && octets % unit.worth == 0) return fmt::format("{}{}", octets / unit.worth, unit.name);
  }
  return "0B";
}

Kind<Duration> duration(Duration least, Duration most) {
  const auto parse = [=](std::string_view text) -> std::expected<Duration, std::string> {
    const auto wait = parse_milliseconds(text);
    if (!wait) return std::unexpected("is no duration; write \"30s\", \"20m\", \"1h30m\" or \"5d\"");
    if (*wait < milliseconds_of(least) || *wait > milliseconds_of(most)) {
      return std::unexpected(fmt::format("must be from {} to {}", duration_text(least), duration_text(most)));
    }
    return std::chrono::milliseconds(*wait);
  };
  return written_as_text<Duration>("a duration such as \"30s\"", parse, duration_text);
}

std::optional<std::uint64_t> parse_size(std::string_view text) { return parse_octets(text); }

std::optional<Duration> parse_duration(std::string_view text) {
  const auto wait = parse_milliseconds(text);
  constexpr std::uint64_t longest = 100ULL * 365 * 86'400 * 1'000;
  if (!wait || *wait > longest) return std::nullopt;
  return std::chrono::milliseconds(*wait);
}

Kind<std::uint64_t> size(std::uint64_t least, std::uint64_t most) {
  const auto parse = [=](std::string_view text) -> std::expected<std::uint64_t, std::string> {
    const auto octets = parse_octets(text);
    if (!octets) return std::unexpected("is no size; write \"500B\", \"64KiB\", \"25MiB\" or \"1GB\"");
    if (*octets < least || *octets > most) {
      return std::unexpected(fmt::format("must be from {} to {}", size_text(least), size_text(most)));
    }
    return *octets;
  };
  return written_as_text<std::uint64_t>("a size such as \"25MiB\"", parse, size_text);
}

Kind<std::uint32_t> count(std::uint32_t least, std::uint32_t most) {
  return number<std::uint32_t>(fmt::format("a whole number from {} to {}", least, most), least, most);
}

Kind<std::uint16_t> port() { return number<std::uint16_t>("a port from 1 to 65535", 1, 65'535); }

Kind<bool> yes_or_no() {
  const std::string name = "true or false";
  const auto read = [name](const Value& value, Reading& reading) -> std::optional<bool> {
    if (const auto* claim = std::get_if<bool>(&value.content)) return *claim;
    wrong_type(value, name, reading);
    return std::nullopt;
  };
  return {name, read, [](bool value) { return std::string(value ? "true" : "false"); }};
}

}  // namespace posthorn::config
