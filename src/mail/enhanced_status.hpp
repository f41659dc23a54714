// EnhancedStatus: class.subject.detail of RFC 3463 §2 ("5.1.1"), as replies (RFC 2034) and reports (RFC 3464) carry it.
#pragma once

#include "base/assert.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

class EnhancedStatus {
 public:
  enum class Class : std::uint8_t { success = 2, transient = 4, permanent = 5 };

  /// Of constants: EnhancedStatus{5, 1, 1}. Numbers outside RFC 3463's ranges are a bug.
  constexpr EnhancedStatus(unsigned status_class, unsigned subject, unsigned detail)
      : class_(static_cast<Class>(status_class)),
        subject_(static_cast<std::uint16_t>(subject)),
        detail_(static_cast<std::uint16_t>(detail)) {
    ensure(status_class == 2 || status_class == 4 || status_class == 5, "a status class is 2, 4 or 5");
    ensure(subject <= 999 && detail <= 999, "subject and detail have at most three digits");
  }

  /// The whole text. RFC 3463 §2: no leading zeros, at most three digits.
  [[nodiscard]] static std::optional<EnhancedStatus> parse(std::string_view text);
  /// A status at the start of a reply's text, followed by a space or the end, as RFC 2034 §4 puts it there.
  [[nodiscard]] static std::optional<EnhancedStatus> at_start_of(std::string_view reply_text);

  [[nodiscard]] constexpr Class status_class() const { return class_; }
  [[nodiscard]] constexpr unsigned subject() const { return subject_; }
  [[nodiscard]] constexpr unsigned detail() const { return detail_; }
  [[nodiscard]] constexpr bool is_success() const { return class_ == Class::success; }
  [[nodiscard]] constexpr bool is_permanent() const { return class_ == Class::permanent; }
  /// "5.1.1"
  [[nodiscard]] std::string to_string() const;

  constexpr auto operator<=>(const EnhancedStatus&) const = default;

 private:
  Class class_;
  std::uint16_t subject_;
  std::uint16_t detail_;
};

}  // namespace posthorn::mail
