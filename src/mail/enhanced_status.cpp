#include "mail/enhanced_status.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"

#include <fmt/core.h>

namespace posthorn::mail {
namespace {

/// RFC 3463 §2: one to three digits, no leading zero.
std::optional<unsigned> take_number(Scanner& scanner) {
  const auto digits = scanner.take_while(ascii::is_digit);
  if (digits.size() > 3 || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  const auto number = ascii::to_number(digits);
  if (!number) return std::nullopt;
  return static_cast<unsigned>(*number);
}

std::optional<EnhancedStatus> take_status(Scanner& scanner) {
  const auto status_class = take_number(scanner);
  if (status_class != 2U && status_class != 4U && status_class != 5U) return std::nullopt;
  if (!scanner.take('.')) return std::nullopt;
  const auto subject = take_number(scanner);
  if (!subject || !scanner.take('.')) return std::nullopt;
  const auto detail = take_number(scanner);
  if (!detail) return std::nullopt;
  return EnhancedStatus{*status_class, *subject, *detail};
}

}  // namespace

std::optional<EnhancedStatus> EnhancedStatus::parse(std::string_view text) {
  Scanner scanner(text);
  const auto status = take_status(scanner);
  return scanner.at_end() ? status : std::nullopt;
}

std::optional<EnhancedStatus> EnhancedStatus::at_start_of(std::string_view reply_text) {
  Scanner scanner(reply_text);
  const auto status = take_status(scanner);
  return scanner.at_end() || ascii::is_blank(scanner.peek()) ? status : std::nullopt;
}

std::string EnhancedStatus::to_string() const {
  return fmt::format("{}.{}.{}", static_cast<unsigned>(class_), subject_, detail_);
}

}  // namespace posthorn::mail
