#include "system/hosts_file.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <fstream>

namespace posthorn::system {
namespace {

constexpr std::size_t most_octets = 1U << 20;
constexpr std::string_view space = " \t\r";

/// The next word of the line, which is taken from it; empty at the end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(space), line.size()));
  const auto word = line.substr(0, line.find_first_of(space));
  line.remove_prefix(word.size());
  return word;
}

bool is_name(std::string_view word) {
  return std::ranges::all_of(word,
                             [](char c) { return ascii::is_letter_or_digit(c) || c == '-' || c == '_' || c == '.'; });
}

void take_line(std::string_view line, std::vector<HostName>& found) {
  line = line.substr(0, line.find('#'));
  const auto address = IpAddress::parse(take_word(line));
  if (!address) return;
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (word.ends_with('.')) word.remove_suffix(1);
    if (!word.empty() && is_name(word)) found.push_back({ascii::lower(word), *address});
  }
}

}  // namespace

std::vector<HostName> parse_hosts(std::string_view text) {
  std::vector<HostName> found;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    take_line(line, found);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return found;
}

std::vector<HostName> read_hosts() {
  std::ifstream file{"/etc/hosts"};
  std::string text(most_octets, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_hosts(text);
}

}  // namespace posthorn::system
