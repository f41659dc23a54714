#include "smtp/data_framing.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"

#include <algorithm>

namespace posthorn::smtp {
namespace {

/// Where the first CR, LF or NUL stands in the line at the front of `bytes`; the size if there is none.
std::size_t find_special(std::string_view bytes) {
  // Most lines are found by one search for LF and two within the line: memchr is many times faster than a loop here.
  const auto line = bytes.substr(0, bytes.find('\n'));
  const auto before_cr = line.substr(0, line.find('\r'));
  return std::min(before_cr.find('\0'), before_cr.size());
}

bool is_overlooked(char c) { return c == '\n' && planted(PlantedFault::intake_bare_line_feed_accepted); }

/// Of an LF that no CR precedes, or a NUL.
TextFault fault_of(char c) { return c == '\n' ? TextFault::bare_lf : TextFault::nul; }

}  // namespace

TextPiece DotDecoder::read(std::string_view input) {
  ensure(place_ != Place::ended && place_ != Place::faulty, "data goes on after its end");
  if (input.empty()) return {};
  const bool keeps_dot = planted(PlantedFault::data_dots_not_undone) && input.size() > 1 && input[1] == '.';
  if (place_ == Place::line_start && input.front() == '.' && !keeps_dot) {
    place_ = Place::after_dot;
    auto piece = read_after_dot(input.substr(1));
    ++piece.used;
    return piece;
  }
  if (place_ == Place::after_dot || place_ == Place::after_dot_cr) return read_after_dot(input);
  return read_text(input);
}

/// RFC 5321 §4.5.2: a dot and CRLF end the mail data; otherwise the dot was added by the sender and is dropped.
TextPiece DotDecoder::read_after_dot(std::string_view input) {
  std::size_t used = 0;
  if (place_ == Place::after_dot && !input.empty()) {
    if (input.front() != '\r') {
      place_ = Place::in_line;
      return {};
    }
    place_ = Place::after_dot_cr;
    used = 1;
  }
  if (used == input.size()) return {.used = used};
  if (input[used] != '\n') return fail(TextFault::bare_cr);
  place_ = Place::ended;
  return {.status = TextPiece::Status::ended, .used = used + 1};
}

/// Text up to a line that begins with a dot, to a fault, or to the end of the input. A fault is told by the step that
/// begins with it, so that the text before it counts, however the bytes were cut.
TextPiece DotDecoder::read_text(std::string_view input) {
  std::size_t at = 0;
  std::optional<TextFault> fault;
  while (at < input.size() && !fault) {
    const bool keeps_dot = planted(PlantedFault::data_dots_not_undone) && at == 0;
    if (place_ == Place::line_start && input[at] == '.' && !keeps_dot) break;
    if (place_ == Place::after_cr) {
      if (input[at] != '\n') {
        fault = TextFault::bare_cr;
      } else {
        place_ = Place::line_start;
        ++at;
      }
      continue;
    }
    place_ = Place::in_line;
    at += find_special(input.substr(at));
    if (at == input.size()) break;
    if (is_overlooked(input[at])) {
      ++at;
    } else if (input[at] != '\r') {
      fault = fault_of(input[at]);
    } else {
      place_ = Place::after_cr;
      ++at;
    }
  }
  if (fault && at == 0) return fail(*fault);
  return {.text = input.substr(0, at), .used = at};
}

TextPiece DotDecoder::fail(TextFault fault) {
  place_ = Place::faulty;
  return {.status = TextPiece::Status::fault, .fault = fault};
}

LineEndChecker::Checked LineEndChecker::read(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (after_cr_) {
      if (bytes[at] != '\n') return {at, TextFault::bare_cr};
      after_cr_ = false;
      ++at;
      continue;
    }
    at += find_special(bytes.substr(at));
    if (at == bytes.size()) break;
    const bool is_end = !is_overlooked(bytes[at]);
    if (is_end && bytes[at] != '\r') return {at, fault_of(bytes[at])};
    after_cr_ = is_end;
    ++at;
  }
  return {at, std::nullopt};
}

std::string_view ChunkReader::part_of(std::string_view input) const {
  return input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
}

void ChunkReader::use(std::size_t octets) {
  ensure(octets <= remaining_, "a chunk has no more octets than were announced");
  remaining_ -= octets;
}

std::optional<TextFault> DotEncoder::encode(std::string_view bytes, std::string& out) {
  if (const auto fault = checker_.check(bytes)) return fault;
  while (!bytes.empty()) {
    if (at_line_start_ && bytes.front() == '.') out += '.';
    const auto end = bytes.find('\n');
    const auto count = end == std::string_view::npos ? bytes.size() : end + 1;
    out.append(bytes.substr(0, count));
    at_line_start_ = end != std::string_view::npos;
    bytes.remove_prefix(count);
  }
  return std::nullopt;
}

std::optional<TextFault> DotEncoder::finish(std::string& out) {
  if (!checker_.may_end()) return TextFault::bare_cr;
  out.append(at_line_start_ ? ".\r\n" : "\r\n.\r\n");
  return std::nullopt;
}

}  // namespace posthorn::smtp
