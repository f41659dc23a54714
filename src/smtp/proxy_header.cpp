#include "smtp/proxy_header.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"

#include <algorithm>
#include <array>

namespace posthorn::smtp {
namespace {

using Read = std::expected<ProxyHeader, ProxyFault>;

constexpr std::string_view text_start = "PROXY ";
constexpr std::size_t most_text_octets = 107;  // §2.1: the longest line, with its CRLF
constexpr std::string_view binary_start("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t binary_head_octets = 16;

std::unexpected<ProxyFault> incomplete() { return std::unexpected(ProxyFault::incomplete); }
std::unexpected<ProxyFault> malformed() { return std::unexpected(ProxyFault::malformed); }

/// Whether one is the beginning of the other.
bool agree(std::string_view octets, std::string_view start) {
  const auto size = std::min(octets.size(), start.size());
  return octets.substr(0, size) == start.substr(0, size);
}

// ---- Version 1: a line of text ----

std::optional<std::uint16_t> port_of(std::string_view text) {
  const bool has_leading_zero = text.size() > 1 && text.starts_with('0');
  const auto number = has_leading_zero ? std::nullopt : ascii::to_number(text);
  return number && *number <= 65'535 ? std::optional{static_cast<std::uint16_t>(*number)} : std::nullopt;
}

std::optional<IpAddress> address_of(std::string_view text, bool is_v6) {
  const auto address = IpAddress::parse(text);
  const bool fits = address && text.contains(':') == is_v6;
  return fits ? address : std::nullopt;
}

/// "TCP4 192.0.2.1 198.51.100.1 56324 25", or "UNKNOWN" and whatever.
Read read_text_line(std::string_view line, std::size_t octets) {
  Scanner scanner(line);
  const auto word = [&scanner] {
    const auto text = scanner.take_while([](char c) { return c != ' '; });
    scanner.take(' ');
    return text;
  };
  const auto family = word();
  if (family == "UNKNOWN") return ProxyHeader{octets, std::nullopt};
  if (family != "TCP4" && family != "TCP6") return malformed();
  const bool is_v6 = family == "TCP6";
  const auto source = address_of(word(), is_v6);
  const auto destination = address_of(word(), is_v6);
  const auto source_port = port_of(word());
  const auto destination_port = port_of(scanner.rest());
  if (!source || !destination || !source_port || !destination_port) return malformed();
  return ProxyHeader{octets, Endpoint{*source, *source_port}};
}

Read read_text(std::string_view octets) {
  const auto line_end = octets.substr(0, most_text_octets).find("\r\n");
  if (line_end != std::string_view::npos) {
    return read_text_line(octets.substr(text_start.size(), line_end - text_start.size()), line_end + 2);
  }
  if (octets.size() >= most_text_octets) return malformed();
  return incomplete();
}

// ---- Version 2: binary ----

std::uint8_t octet(std::string_view octets, std::size_t place) { return static_cast<std::uint8_t>(octets[place]); }

std::uint16_t number(std::string_view octets, std::size_t place) {
  return static_cast<std::uint16_t>(octet(octets, place) << 8U | octet(octets, place + 1));
}

template <std::size_t Size>
std::array<std::uint8_t, Size> octets_at(std::string_view octets, std::size_t place) {
  std::array<std::uint8_t, Size> out{};
  for (std::size_t i = 0; i < Size; ++i) out.at(i) = octet(octets, place + i);
  return out;
}

/// The source in the block of addresses of this family and transport (§2.2); none: a family that is not the Internet's.
std::expected<std::optional<Endpoint>, ProxyFault> source_of(std::uint8_t family, std::string_view block) {
  constexpr std::uint8_t tcp4 = 0x11;
  constexpr std::uint8_t tcp6 = 0x21;
  if (family == tcp4) {
    if (block.size() < 12) return malformed();
    return Endpoint{IpAddress::v4(octets_at<4>(block, 0)), number(block, 8)};
  }
  if (family == tcp6) {
    if (block.size() < 36) return malformed();
    return Endpoint{IpAddress::v6(octets_at<16>(block, 0)), number(block, 32)};
  }
  return std::nullopt;
}

Read read_binary(std::string_view octets) {
  if (octets.size() < binary_head_octets) return incomplete();
  const auto version_and_command = octet(octets, 12);
  if (version_and_command != 0x20 && version_and_command != 0x21) return malformed();
  const auto whole = binary_head_octets + number(octets, 14);
  if (octets.size() < whole) return incomplete();
  if (version_and_command == 0x20) return ProxyHeader{whole, std::nullopt};  // LOCAL
  const auto source = source_of(octet(octets, 13), octets.substr(binary_head_octets, whole - binary_head_octets));
  if (!source) return std::unexpected(source.error());
  return ProxyHeader{whole, *source};
}

}  // namespace

Read read_proxy_header(std::string_view octets) {
  if (octets.empty()) return incomplete();
  if (agree(octets, binary_start))
    return octets.size() < binary_start.size() ? Read(incomplete()) : read_binary(octets);
  if (!agree(octets, text_start)) return malformed();
  return octets.size() < text_start.size() ? Read(incomplete()) : read_text(octets);
}

}  // namespace posthorn::smtp
