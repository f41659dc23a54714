// ByteWriter: puts numbers and texts into octets, little-endian, lengths before texts. What ByteReader reads.
#pragma once

#include "base/assert.hpp"

#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace posthorn {

class ByteWriter {
 public:
  ByteWriter() = default;
  /// Goes on behind what `bytes` holds.
  explicit ByteWriter(std::string bytes) : bytes_(std::move(bytes)) {}

  template <std::unsigned_integral Number>
  void put(Number number) {
    for (unsigned shift = 0; shift < std::numeric_limits<Number>::digits; shift += 8) {
      bytes_ += static_cast<char>((number >> shift) & 0xff);
    }
  }
  void put(std::int64_t number) { put(static_cast<std::uint64_t>(number)); }
  void put_flag(bool claim) { put(std::uint8_t{claim}); }

  /// Length in four octets, then the text.
  void put_text(std::string_view text) {
    ensure(text.size() <= std::numeric_limits<std::uint32_t>::max(), "a stored text has a length of 32 bits");
    put(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  /// The octets alone; the reader knows how many.
  void put_raw(std::string_view octets) { bytes_ += octets; }
  void put_zeros(std::size_t count) { bytes_.append(count, '\0'); }

  /// Writes over a number put before.
  template <std::unsigned_integral Number>
  void overwrite(std::size_t at, Number number) {
    ensure(at <= bytes_.size() && bytes_.size() - at >= sizeof number, "only what was put can be written over");
    for (std::size_t i = 0; i < sizeof number; ++i) bytes_[at + i] = static_cast<char>((number >> (8 * i)) & 0xff);
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] std::string_view view() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace posthorn
