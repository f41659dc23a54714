#include "store/mbox_text.hpp"

#include "base/ascii.hpp"
#include "mail/date.hpp"

#include <fmt/core.h>

#include <array>

namespace posthorn::store {
namespace {

constexpr std::string_view word = "From ";

/// "Sun Nov 29 15:04:05 2026" of "Sun, 29 Nov 2026 15:04:05 +0000", as asctime(3) has it.
std::string asctime_of(WallTime time) {
  const auto text = mail::to_date_time(time);
  std::array<std::string_view, 5> parts;
  std::string_view rest = text;
  for (auto& part : parts) {
    part = rest.substr(0, rest.find(' '));
    rest.remove_prefix(part.size() + 1);
  }
  return fmt::format("{} {} {:>2} {} {}", parts[0].substr(0, 3), parts[2], parts[1], parts[4], parts[3]);
}

}  // namespace

std::string from_line(const std::optional<mail::Address>& sender, WallTime arrival) {
  auto name = sender ? sender->to_string() : "MAILER-DAEMON";
  for (auto& c : name) {
    if (c == ' ' || ascii::is_control(c)) c = '-';  // readers cut the line at blanks
  }
  return fmt::format("{}{} {}\r\n", word, name, asctime_of(arrival));
}

void FromQuoter::feed(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (!at_start_) {
      const auto end = text.find('\n');
      const auto line = text.substr(0, end == std::string_view::npos ? text.size() : end + 1);
      out += line;
      text.remove_prefix(line.size());
      at_start_ = line.ends_with('\n');
      continue;
    }
    const char c = text.front();
    if (matched_ == 0 && c == '>') {
      ++marks_;
      text.remove_prefix(1);
    } else if (c == word[matched_]) {
      ++matched_;
      text.remove_prefix(1);
      if (matched_ == word.size()) decide(out);
    } else {
      decide(out);
    }
  }
}

/// What was held back of the start of a line passes, quoted if it is a "From ".
void FromQuoter::decide(std::string& out) {
  if (matched_ == word.size()) out += '>';
  out.append(marks_, '>');
  out += word.substr(0, matched_);
  marks_ = matched_ = 0;
  at_start_ = false;
}

void FromQuoter::finish(std::string& out) {
  const bool is_empty_line = at_start_ && marks_ == 0 && matched_ == 0;
  if (at_start_) decide(out);
  if (!is_empty_line) out += '\n';
  out += '\n';
  at_start_ = true;
}

}  // namespace posthorn::store
