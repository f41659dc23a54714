#include "store/segment_window.hpp"

#include <algorithm>
#include <span>

namespace posthorn::store {

std::string_view SegmentWindow::at(std::uint64_t offset, std::size_t count) {
  if (offset >= end_) return {};
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, end_ - offset));
  if (offset < start_ || offset + count > start_ + buffer_.size()) fill(offset, count);
  const auto from = static_cast<std::size_t>(offset - start_);
  return std::string_view(buffer_).substr(from, count);
}

void SegmentWindow::fill(std::uint64_t offset, std::size_t count) {
  start_ = offset;
  buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(std::max(count, piece), end_ - offset)));
  const auto read = file_.read_at(start_, buffer_);
  if (!read) {
    fill_by_sectors();
  } else {
    std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(*read), buffer_.end(), '\0');
  }
}

void SegmentWindow::fill_by_sectors() {
  had_errors_ = true;
  for (std::size_t from = 0; from < buffer_.size(); from += sector) {
    const auto part = std::span{buffer_}.subspan(from, std::min(sector, buffer_.size() - from));
    const auto read = file_.read_at(start_ + from, part);
    if (!read) {
      const bool is_first = unread_.end == 0;
      unread_.begin = is_first ? start_ + from : std::min(unread_.begin, start_ + from);
      unread_.end = std::max(unread_.end, start_ + from + part.size());
    }
    std::fill(part.begin() + static_cast<std::ptrdiff_t>(read.value_or(0)), part.end(), '\0');
  }
}

}  // namespace posthorn::store
