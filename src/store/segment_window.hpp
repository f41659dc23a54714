// SegmentWindow: octets of a segment by their place, read in large pieces. Octets that cannot be read count as zeros, so
// that one bad sector does not hide the rest; had_errors() tells of reads that failed, unread() of what stayed unread.
#pragma once

#include "world/disk.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::store {

class SegmentWindow {
 public:
  /// Nothing at or behind `end` is looked at.
  SegmentWindow(world::File& file, std::uint64_t end) : file_(file), end_(end) {}

  /// `count` octets from `offset`; fewer at the end. Valid until the next call.
  [[nodiscard]] std::string_view at(std::uint64_t offset, std::size_t count);
  [[nodiscard]] std::uint64_t end() const { return end_; }
  [[nodiscard]] bool had_errors() const { return had_errors_; }
  /// From the first octet that could not be read to the last; empty if there is none.
  struct Unread {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  [[nodiscard]] const Unread& unread() const { return unread_; }

 private:
  static constexpr std::size_t piece = 256U << 10;
  static constexpr std::size_t sector = 512;

  void fill(std::uint64_t offset, std::size_t count);
  void fill_by_sectors();

  world::File& file_;
  std::uint64_t end_;
  std::uint64_t start_ = 0;
  std::string buffer_;
  bool had_errors_ = false;
  Unread unread_;
};

}  // namespace posthorn::store
