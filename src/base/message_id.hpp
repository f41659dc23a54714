// MessageId: the name of a message in the spool, unique for ever (I20): the boot count of the spool in the upper 24 bits,
// a counter in the lower 40. No clock takes part, so jumps of the clock cannot repeat one.
// As text: 13 characters of Crockford's base 32, which nobody misreads (no I, L, O, U).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn {

class MessageId {
 public:
  constexpr MessageId() = default;
  explicit constexpr MessageId(std::uint64_t value) : value_(value) {}

  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] std::string to_string() const;
  /// The inverse of to_string(); letters in either case.
  [[nodiscard]] static std::optional<MessageId> parse(std::string_view text);

  constexpr auto operator<=>(const MessageId&) const = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace posthorn

template <>
struct std::hash<posthorn::MessageId> {
  std::size_t operator()(posthorn::MessageId id) const noexcept {
    return static_cast<std::size_t>((id.value() ^ (id.value() >> 33)) * 0x9e3779b97f4a7c15ULL);
  }
};
