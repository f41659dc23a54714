#include "config/kind.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "config/nearest_word.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>

namespace posthorn::config {
namespace {

constexpr std::size_t shown_octets = 80;
constexpr std::size_t longest_text = 4000;  // PATH_MAX fits

std::string quoted(std::string_view text) { return "\"" + LogText(text, shown_octets).text() + "\""; }

/// The place of a key in a table, or of the table when it is not there.
Place place_of(std::string_view name, const Value& table) {
  const auto* entries = std::get_if<Table>(&table.content);
  if (entries == nullptr) return table.place;
  const auto found = std::ranges::find(*entries, name, &Entry::key);
  return found == entries->end() ? table.place : found->place;
}

}  // namespace

void Reading::fault(Place place, std::string text) { faults_.push_back({place, path_, std::move(text)}); }

void Reading::fault_of_key(std::string_view key, const Value& table, std::string text) {
  const Within within(*this, key);
  fault(place_of(key, table), std::move(text));
}

void Reading::unknown_key(const Entry& entry, std::span<const std::string_view> names) {
  const auto name = LogText(entry.key, shown_octets).text();
  std::string text = "there is no such setting";
  if (const auto section = same_name_elsewhere(entry.key)) {
    text += fmt::format("; it belongs in [{}]", *section);
  } else if (const auto meant = nearest_word(entry.key, names)) {
    text += fmt::format("; did you mean \"{}\"?", *meant);
  }
  faults_.push_back({entry.place, path_.empty() ? name : path_ + "." + name, std::move(text)});
}

std::optional<std::string> Reading::same_name_elsewhere(std::string_view name) const {
  for (const auto& path : known_paths_) {
    const auto dot = path.rfind('.');
    if (dot != std::string::npos && std::string_view(path).substr(dot + 1) == name) return path.substr(0, dot);
  }
  return std::nullopt;
}

Faults Reading::take_faults() {
  std::ranges::sort(faults_, {}, [](const Fault& fault) { return std::tie(fault.place, fault.text); });
  return std::move(faults_);
}

Reading::Within::Within(Reading& reading, std::string_view key)
    : reading_(reading), outer_length_(reading.path_.size()) {
  if (!reading_.path_.empty()) reading_.path_ += '.';
  reading_.path_ += key;
}

Reading::Within::~Within() { reading_.path_.resize(outer_length_); }

void wrong_type(const Value& value, std::string_view kind, Reading& reading) {
  reading.fault(value.place, fmt::format("must be {}, not {}", kind, name_of_type(value)));
}

std::optional<std::string> fault_of_text(std::string_view text) {
  if (text.size() > longest_text) return fmt::format("is longer than {} octets", longest_text);
  if (std::ranges::any_of(text, ascii::is_control)) return "has a control character in it";
  return std::nullopt;
}

std::string one_of_words(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += fmt::format("\"{}\"", words[i]);
  }
  return text;
}

std::string wrong_word(std::string_view word, std::span<const std::string_view> words) {
  auto text = fmt::format("must be {}, not {}", one_of_words(words), quoted(word));
  if (const auto meant = nearest_word(word, words)) text += fmt::format("; did you mean \"{}\"?", *meant);
  return text;
}

}  // namespace posthorn::config
