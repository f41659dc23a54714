#include "smtp/line_buffer.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::smtp {
namespace {

constexpr std::size_t crlf_octets = 2;

/// Where the first CR, LF or NUL stands at or after `from`; the size if there is none.
std::size_t find_special(std::string_view bytes, std::size_t from) {
  while (from < bytes.size() &&
         (bytes[from] > '\r' || (bytes[from] != '\r' && bytes[from] != '\n' && bytes[from] != '\0'))) {
    ++from;
  }
  return from;
}

}  // namespace

void LineBuffer::add(std::string_view bytes) {
  if (!lent_.empty()) keep();
  release();
  lent_ = bytes;
}

void LineBuffer::keep() {
  release();
  if (lent_.empty()) return;
  kept_.erase(0, used_);
  used_ = 0;
  kept_.append(lent_);
  lent_ = {};
}

LineBuffer::Line LineBuffer::next_line() {
  release();
  for (;;) {
    const bool in_kept = has_kept();
    const auto line = look_in(raw());
    if (line.found != Found::nothing || !in_kept || lent_.empty()) return line;
    if (has_kept()) gather();
  }
}

/// Judges the first special octet. What is found does not depend on how much more has come.
LineBuffer::Line LineBuffer::look_in(std::string_view bytes) {
  const auto at = find_special(bytes, searched_);
  searched_ = at;
  if (discarded_ + at > settings_.discard_octets) return {Found::endless};
  if (at == bytes.size()) return wait_for_more(at);
  if (bytes[at] == '\n') return {Found::bare_lf};
  if (bytes[at] == '\0') return {Found::nul};
  if (at + 1 == bytes.size()) return wait_for_more(at);
  if (bytes[at + 1] != '\n') return {Found::bare_cr};
  return end_line(bytes.substr(0, at));
}

LineBuffer::Line LineBuffer::end_line(std::string_view text) {
  const bool too_long = discarded_ > 0 || text.size() + crlf_octets > settings_.line_octets;
  use(text.size() + crlf_octets);
  discarded_ = 0;
  if (too_long) return {Found::too_long};
  return {Found::line, text};
}

/// The first `clean` octets belong to a line whose end has not come: throws them away if it is too long already.
LineBuffer::Line LineBuffer::wait_for_more(std::size_t clean) {
  if (discarded_ == 0 && clean + crlf_octets <= settings_.line_octets) return {};
  use(clean);
  discarded_ += clean;
  return {};
}

void LineBuffer::use(std::size_t count) {
  ensure(count <= raw().size(), "no more is used than is there");
  if (has_kept()) {
    used_ += count;
  } else {
    lent_.remove_prefix(count);
  }
  searched_ = 0;
}

/// Puts the next piece of the lent bytes, at most to the end of its line, behind the kept beginning of that line.
void LineBuffer::gather() {
  kept_.erase(0, used_);
  used_ = 0;
  const auto end = lent_.find('\n');
  const auto whole = end == std::string_view::npos ? lent_.size() : end + 1;
  const auto count = std::min(whole, settings_.line_octets);
  kept_.append(lent_.substr(0, count));
  lent_.remove_prefix(count);
}

/// Frees what is used up. Not at once when it is used, since the last line's text lies in it.
void LineBuffer::release() {
  if (has_kept()) return;
  if (kept_.capacity() > 0) std::string{}.swap(kept_);
  used_ = 0;
}

void LineBuffer::clear() {
  lent_ = {};
  kept_.clear();
  used_ = searched_ = discarded_ = 0;
  release();
}

}  // namespace posthorn::smtp
