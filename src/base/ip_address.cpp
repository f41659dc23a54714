#include "base/ip_address.hpp"

#include "base/ascii.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <functional>

namespace posthorn {
namespace {

std::optional<std::uint8_t> parse_octet(std::string_view text) {
  if (text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto number = ascii::to_number(text);
  if (!number || *number > 255) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const auto dot = text.find('.');
    if ((dot == std::string_view::npos) != (i == 3)) return std::nullopt;
    const auto octet = parse_octet(text.substr(0, dot));
    if (!octet) return std::nullopt;
    octets.at(i) = *octet;
    if (i < 3) text.remove_prefix(dot + 1);
  }
  return octets;
}

std::optional<std::uint16_t> parse_group(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  std::uint16_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Colon-separated groups, the last of which may be a dotted quad; at most eight. Empty text is no group.
std::optional<std::string> parse_groups(std::string_view text) {
  std::string octets;
  while (!text.empty()) {
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    if (colon == std::string_view::npos && part.find('.') != std::string_view::npos) {
      const auto quad = parse_v4(part);
      if (!quad) return std::nullopt;
      octets.append(quad->begin(), quad->end());
      return octets;
    }
    const auto group = parse_group(part);
    if (!group || octets.size() >= 16) return std::nullopt;
    octets += static_cast<char>(*group >> 8);
    octets += static_cast<char>(*group & 0xff);
    if (colon == std::string_view::npos) return octets;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return octets;
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::array<std::uint8_t, 16> octets{};
  const auto gap = text.find("::");
  const auto head = parse_groups(text.substr(0, gap));
  const auto tail = gap == std::string_view::npos ? std::string{} : parse_groups(text.substr(gap + 2));
  if (!head || !tail) return std::nullopt;
  const bool quad_before_gap = gap != std::string_view::npos && text.substr(0, gap).find('.') != std::string_view::npos;
  if (quad_before_gap) return std::nullopt;
  const auto given = head->size() + tail->size();
  if (gap == std::string_view::npos ? given != 16 : given > 14) return std::nullopt;
  std::ranges::copy(*head, octets.begin());
  std::ranges::copy(*tail, octets.end() - static_cast<std::ptrdiff_t>(tail->size()));
  return octets;
}

/// The longest run of at least two zero groups, as first group and length (RFC 5952 §4.2).
std::pair<std::size_t, std::size_t> longest_zero_run(const std::array<std::uint16_t, 8>& groups) {
  std::pair<std::size_t, std::size_t> best{8, 1};
  for (std::size_t start = 0; start < 8; ++start) {
    std::size_t end = start;
    while (end < 8 && groups.at(end) == 0) ++end;
    if (end - start > best.second) best = {start, end - start};
  }
  return best;
}

}  // namespace

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> octets) {
  IpAddress address;
  std::ranges::copy(octets, address.octets_.begin());
  return address;
}

IpAddress IpAddress::v6(std::array<std::uint8_t, 16> octets) {
  static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), octets.begin())) {
    return v4({octets[12], octets[13], octets[14], octets[15]});
  }
  IpAddress address;
  address.family_ = Family::v6;
  address.octets_ = octets;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    const auto octets = parse_v4(text);
    return octets ? std::optional{v4(*octets)} : std::nullopt;
  }
  const auto octets = parse_v6(text);
  return octets ? std::optional{v6(*octets)} : std::nullopt;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return octets_[0] == 127;
  return octets_[15] == 1 && std::all_of(octets_.begin(), octets_.end() - 1, [](auto o) { return o == 0; });
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(octets_, [](auto octet) { return octet == 0; });
}

std::string IpAddress::to_string() const {
  if (is_v4()) return fmt::format("{}.{}.{}.{}", octets_[0], octets_[1], octets_[2], octets_[3]);
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups.at(i) = static_cast<std::uint16_t>(octets_.at(2 * i) << 8 | octets_.at(2 * i + 1));
  }
  const auto [gap, length] = longest_zero_run(groups);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      text += "::";
      i += length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups.at(i));
  }
  return text;
}

IpAddress IpAddress::prefix(unsigned bits) const {
  auto cut = *this;
  const auto size = is_v4() ? 4U : 16U;
  for (unsigned i = 0; i < size; ++i) {
    const auto keep = bits > i * 8 ? std::min(bits - i * 8, 8U) : 0U;
    cut.octets_.at(i) = static_cast<std::uint8_t>(cut.octets_.at(i) & (0xff00U >> keep));
  }
  return cut;
}

std::string Endpoint::to_string() const {
  return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                         : fmt::format("[{}]:{}", address.to_string(), port);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = ascii::to_number(text.substr(colon + 1));
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  if (!address || !port || *port > 65'535 || bracketed != (host.find(':') != std::string_view::npos)) {
    return std::nullopt;
  }
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint64_t whole = address->is_v4() ? 32 : 128;
  const auto bits = slash == std::string_view::npos ? std::optional{whole} : ascii::to_number(text.substr(slash + 1));
  if (!bits || *bits > whole) return std::nullopt;
  return IpNetwork{*address, static_cast<unsigned>(*bits)};
}

bool IpNetwork::contains(const IpAddress& other) const {
  return other.family() == address.family() && other.prefix(bits) == address.prefix(bits);
}

}  // namespace posthorn

std::size_t std::hash<posthorn::IpAddress>::operator()(const posthorn::IpAddress& address) const noexcept {
  const auto octets = address.octets();
  std::string text(octets.size(), '\0');
  std::ranges::copy(octets, text.begin());
  return std::hash<std::string>{}(text);
}
