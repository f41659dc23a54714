#include "mail/content_type.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "mail/header_lexer.hpp"

#include <algorithm>

namespace posthorn::mail {
namespace {

/// RFC 2045 §5.1: token.
std::string_view take_token(Scanner& scanner) {
  static constexpr std::string_view specials = "()<>@,;:\\\"/[]?=";
  skip_cfws(scanner);
  const auto token = scanner.take_while([](char c) { return c > ' ' && c < 0x7f && !specials.contains(c); });
  skip_cfws(scanner);
  return token;
}

/// `name=value`, where the value may be quoted; none if it is not that.
std::optional<std::pair<std::string, std::string>> take_parameter(Scanner& scanner) {
  const auto name = take_token(scanner);
  if (name.empty() || !scanner.take('=')) return std::nullopt;
  skip_cfws(scanner);
  if (scanner.peek() != '"') {
    const auto value = take_token(scanner);
    if (value.empty()) return std::nullopt;
    return std::pair{ascii::lower(name), std::string(value)};
  }
  auto value = take_quoted_string(scanner);
  skip_cfws(scanner);
  if (!value) return std::nullopt;
  return std::pair{ascii::lower(name), *std::move(value)};
}

}  // namespace

const std::string* ContentType::parameter(std::string_view name) const {
  const auto found = std::ranges::find_if(parameters, [&](const auto& parameter) { return parameter.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

std::optional<ContentType> parse_content_type(std::string_view value) {
  Scanner scanner(value);
  ContentType content;
  content.type = ascii::lower(take_token(scanner));
  if (content.type.empty() || !scanner.take('/')) return std::nullopt;
  content.subtype = ascii::lower(take_token(scanner));
  if (content.subtype.empty()) return std::nullopt;
  while (scanner.take(';')) {
    skip_cfws(scanner);
    if (scanner.at_end()) break;  // a semicolon too many is common
    auto parameter = take_parameter(scanner);
    if (!parameter) return std::nullopt;
    content.parameters.push_back(*std::move(parameter));
  }
  if (!scanner.at_end()) return std::nullopt;
  return content;
}

}  // namespace posthorn::mail
