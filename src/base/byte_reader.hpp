// ByteReader: reads what ByteWriter put, from octets that may be damaged or hostile. Every step is checked; after the
// first that does not fit, all further ones give zeros and empty texts, and failed() says so: read a whole structure, then
// ask once. Views live as long as the octets it was given.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace posthorn {

class ByteReader {
 public:
  explicit constexpr ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral Number>
  [[nodiscard]] constexpr Number take() {
    const auto octets = take_raw(sizeof(Number));
    Number number = 0;
    for (std::size_t i = octets.size(); i > 0; --i) {
      number = static_cast<Number>(static_cast<std::uint64_t>(number) << 8 | static_cast<unsigned char>(octets[i - 1]));
    }
    return number;
  }
  [[nodiscard]] constexpr std::int64_t take_signed() { return static_cast<std::int64_t>(take<std::uint64_t>()); }
  /// One octet, 0 or 1; others fail.
  [[nodiscard]] constexpr bool take_flag() {
    const auto octet = take<std::uint8_t>();
    if (octet > 1) fail();
    return octet == 1;
  }
  /// One octet as an enumerator, the last of which is `last`; beyond it fails and gives the first.
  template <class Enum>
  [[nodiscard]] constexpr Enum take_enum(Enum last) {
    const auto octet = take<std::uint8_t>();
    if (octet > static_cast<std::uint8_t>(last)) fail();
    return failed_ ? Enum{} : static_cast<Enum>(octet);
  }
  /// A text with its length in four octets before it, at most `limit` octets.
  [[nodiscard]] constexpr std::string_view take_text(std::size_t limit) {
    const auto size = take<std::uint32_t>();
    if (size > limit) fail();
    return take_raw(size);
  }
  /// That many octets, or none and failed().
  [[nodiscard]] constexpr std::string_view take_raw(std::size_t count) {
    if (failed_ || count > rest_.size()) {
      fail();
      return {};
    }
    const auto octets = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return octets;
  }
  /// A count of things that take at least `each` octets; one that cannot fit in what is left fails and is 0.
  [[nodiscard]] constexpr std::uint32_t take_count(std::size_t each) {
    const auto count = take<std::uint32_t>();
    if (count > rest_.size() / each) fail();
    return failed_ ? 0 : count;
  }

  constexpr void fail() {
    failed_ = true;
    rest_ = {};
  }
  [[nodiscard]] constexpr bool failed() const { return failed_; }
  [[nodiscard]] constexpr bool at_end() const { return rest_.empty(); }
  /// Every step fitted, and nothing is left.
  [[nodiscard]] constexpr bool complete() const { return !failed_ && at_end(); }
  [[nodiscard]] constexpr std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace posthorn
