#include "smtp/xclient.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "mail/xtext.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::smtp {
namespace {

constexpr std::string_view verb = "XCLIENT";
constexpr std::size_t most_octets = 255;

bool is_unavailable(std::string_view value) {
  return ascii::same_word(value, "[UNAVAILABLE]") || ascii::same_word(value, "[TEMPUNAVAIL]");
}

bool is_printable(std::string_view value) {
  return !value.empty() && value.size() <= most_octets &&
         std::ranges::none_of(value, [](char c) { return ascii::is_control(c) || c == ' '; });
}

std::optional<IpAddress> address_of(std::string_view value) {
  const bool is_v6 = ascii::starts_with_word(value, "IPV6:");
  const auto address = IpAddress::parse(is_v6 ? value.substr(5) : value);
  return address && (is_v6 || address->is_v4()) ? address : std::nullopt;
}

std::optional<std::uint16_t> port_of(std::string_view value) {
  const auto number = ascii::to_number(value);
  return number && *number <= 65'535 ? std::optional{static_cast<std::uint16_t>(*number)} : std::nullopt;
}

/// Takes one attribute's value, decoded. False: it is not what the attribute says.
bool take(XclientCommand& command, std::string_view name, const std::string& value) {
  const auto is = [name](std::string_view word) { return ascii::same_word(name, word); };
  if (is("PROTO")) return ascii::same_word(value, "SMTP") || ascii::same_word(value, "ESMTP") || is_unavailable(value);
  if (is("DESTADDR")) return address_of(value).has_value() || is_unavailable(value);
  if (is("DESTPORT")) return port_of(value).has_value() || is_unavailable(value);
  const bool is_known = is("NAME") || is("ADDR") || is("PORT") || is("HELO") || is("LOGIN");
  if (is_unavailable(value)) return is_known;
  if (is("ADDR")) return (command.address = address_of(value)).has_value();
  if (is("PORT")) return (command.port = port_of(value)).has_value();
  if (!is_known || !is_printable(value)) return false;
  if (is("LOGIN")) {
    command.login = value;
    return true;
  }
  if (!std::ranges::all_of(value, ascii::is_printable)) return false;
  (is("NAME") ? command.host_name : command.hello) = value;
  return true;
}

}  // namespace

bool is_xclient(std::string_view line) {
  if (!ascii::starts_with_word(line, verb)) return false;
  return line.size() == verb.size() || ascii::is_blank(line[verb.size()]);
}

std::optional<XclientCommand> parse_xclient(std::string_view line) {
  Scanner scanner(line);
  scanner.take_word(verb);
  XclientCommand command;
  unsigned attributes = 0;
  while (true) {
    scanner.take_while(ascii::is_blank);
    if (scanner.at_end()) break;
    const auto name = scanner.take_while([](char c) { return c != '=' && !ascii::is_blank(c); });
    if (!scanner.take('=')) return std::nullopt;
    const auto encoded = scanner.take_while([](char c) { return !ascii::is_blank(c); });
    // Before Postfix 2.3 values were sent as they are.
    const auto value = mail::decode_xtext(encoded).value_or(std::string(encoded));
    if (!take(command, name, value)) return std::nullopt;
    ++attributes;
  }
  return attributes > 0 ? std::optional{std::move(command)} : std::nullopt;
}

}  // namespace posthorn::smtp
