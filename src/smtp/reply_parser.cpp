#include "smtp/reply_parser.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::smtp {
namespace {

constexpr std::size_t code_octets = 3;

/// RFC 5321 §4.2: Reply-code = %x32-35 %x30-35 %x30-39; the second digit is not held to that, as the field does not.
bool may_stand_in_code(char c, std::size_t place) { return place == 0 ? c >= '2' && c <= '5' : ascii::is_digit(c); }

unsigned code_of(std::string_view line) {
  unsigned code = 0;
  for (const char c : line.substr(0, code_octets)) code = code * 10 + static_cast<unsigned>(c - '0');
  return code;
}

}  // namespace

std::optional<mail::EnhancedStatus> PeerReply::status() const {
  for (const auto& line : lines) {
    const auto found = mail::EnhancedStatus::at_start_of(line);
    if (found && static_cast<unsigned>(found->status_class()) == code / 100) return found;
  }
  return std::nullopt;
}

std::string PeerReply::text() const {
  std::string joined;
  for (const auto& line : lines) {
    if (!joined.empty()) joined += ' ';
    joined += line;
  }
  return joined;
}

std::size_t ReplyParser::read(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !whole_ && !fault_) {
    const auto rest = bytes.substr(taken);
    const auto end = rest.find('\n');
    take_part(rest.substr(0, end));
    taken += end == std::string_view::npos ? rest.size() : end + 1;
    if (end != std::string_view::npos && !fault_) end_line();
  }
  return taken;
}

/// Of several faults the first in the stream counts, however the bytes were cut.
void ReplyParser::take_part(std::string_view part) {
  const auto clean = part.substr(0, part.find('\0'));
  line_.append(clean.substr(0, settings_.line_octets + 2 - std::min(line_.size(), settings_.line_octets + 2)));
  check_start();
  if (!fault_ && line_.size() > settings_.line_octets + 1) fail(ReplyFault::line_too_long);
  if (!fault_ && clean.size() < part.size()) fail(ReplyFault::nul);
}

/// Finds out at the first wrong octet that this is no reply, so that nobody waits for the end of its line.
void ReplyParser::check_start() {
  for (std::size_t place = 0; place < std::min(line_.size(), code_octets); ++place) {
    if (!may_stand_in_code(line_[place], place)) return fail(ReplyFault::bad_code);
  }
  if (line_.size() <= code_octets) return;
  const char separator = line_[code_octets];
  if (separator != ' ' && separator != '-' && separator != '\r') fail(ReplyFault::bad_separator);
}

void ReplyParser::end_line() {
  if (line_.ends_with('\r')) line_.pop_back();
  if (line_.size() < code_octets) return fail(ReplyFault::bad_code);
  if (line_.size() > settings_.line_octets) return fail(ReplyFault::line_too_long);
  const char separator = line_.size() > code_octets ? line_[code_octets] : ' ';
  if (separator == '\r') return fail(ReplyFault::bad_separator);
  const auto code = code_of(line_);
  if (!reply_.lines.empty() && code != reply_.code) return fail(ReplyFault::codes_differ);
  if (reply_.lines.size() == settings_.lines) return fail(ReplyFault::too_many_lines);
  reply_.code = code;
  reply_.lines.push_back(line_.size() > code_octets ? line_.substr(code_octets + 1) : std::string{});
  whole_ = separator == ' ';
  line_.clear();
}

PeerReply ReplyParser::take() {
  ensure(whole_, "a reply is taken when it is whole");
  whole_ = false;
  return std::exchange(reply_, {});
}

void ReplyParser::reset() {
  reply_ = {};
  line_ = {};
  whole_ = false;
  fault_.reset();
}

}  // namespace posthorn::smtp
