#include "system/dns_decode.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace posthorn::system {
namespace {

using world::DnsRecord;
using world::DnsType;

constexpr std::size_t longest_label = 63;
constexpr std::size_t longest_name = 253;

/// Characters that mean something else in a name's text form (RFC 1035 §5.1) are no part of a name here.
bool is_label_character(char c) {
  static constexpr std::string_view special = ".\\\"();@$";
  return c > ' ' && c < '\x7f' && special.find(c) == std::string_view::npos;
}

std::uint16_t number_at(std::string_view data) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(data[0]) << 8 | static_cast<unsigned char>(data[1]));
}

template <std::size_t Size>
std::array<std::uint8_t, Size> octets_of(std::string_view data) {
  std::array<std::uint8_t, Size> octets{};
  std::ranges::copy(data, octets.begin());
  return octets;
}

std::optional<DnsRecord> decode_mx(std::string_view data) {
  if (data.size() < 3) return std::nullopt;
  auto host = decode_name(data.substr(2));
  if (!host) return std::nullopt;
  return world::MxRecord{number_at(data), std::move(*host)};
}

/// RFC 1035 §3.3.14: strings, each with its length before it; one record is their joined text (RFC 7208 §3.3).
std::optional<DnsRecord> decode_txt(std::string_view data) {
  std::string text;
  while (!data.empty()) {
    const auto size = static_cast<unsigned char>(data.front());
    if (size >= data.size()) return std::nullopt;
    text += data.substr(1, size);
    data.remove_prefix(size + 1U);
  }
  return text;
}

std::optional<DnsRecord> decode_tlsa(std::string_view data) {
  if (data.size() < 4) return std::nullopt;
  return world::TlsaRecord{static_cast<std::uint8_t>(data[0]), static_cast<std::uint8_t>(data[1]),
                           static_cast<std::uint8_t>(data[2]), std::string{data.substr(3)}};
}

}  // namespace

std::optional<std::string> decode_name(std::string_view data) {
  std::string name;
  while (!data.empty()) {
    const auto size = static_cast<unsigned char>(data.front());
    data.remove_prefix(1);
    if (size == 0) return data.empty() ? std::optional{name} : std::nullopt;
    const auto label = data.substr(0, size);
    if (size > longest_label || label.size() < size || !std::ranges::all_of(label, is_label_character))
      return std::nullopt;
    if (!name.empty()) name += '.';
    name += ascii::lower(label);
    if (name.size() > longest_name) return std::nullopt;
    data.remove_prefix(size);
  }
  return std::nullopt;
}

std::optional<DnsRecord> decode_record(DnsType type, std::string_view data) {
  switch (type) {
    case DnsType::a:
      return data.size() == 4 ? std::optional<DnsRecord>{IpAddress::v4(octets_of<4>(data))} : std::nullopt;
    case DnsType::aaaa:
      return data.size() == 16 ? std::optional<DnsRecord>{IpAddress::v6(octets_of<16>(data))} : std::nullopt;
    case DnsType::mx:
      return decode_mx(data);
    case DnsType::txt:
      return decode_txt(data);
    case DnsType::tlsa:
      return decode_tlsa(data);
    case DnsType::ns:
    case DnsType::cname:
    case DnsType::ptr:
      return decode_name(data);
  }
  return std::nullopt;
}

bool is_askable(std::string_view name) {
  if (name.empty() || name.size() > longest_name) return false;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    const bool is_label =
        !label.empty() && label.size() <= longest_label && std::ranges::all_of(label, is_label_character);
    if (!is_label) return false;
    name.remove_prefix(label.size());
    if (name == ".") return false;
    if (!name.empty()) name.remove_prefix(1);
  }
  return true;
}

}  // namespace posthorn::system
