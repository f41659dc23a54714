// IpAddress and Endpoint: values, no sockets. IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) are read as the IPv4 address
// they mean, so that one host has one form.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace posthorn {

class IpAddress {
 public:
  enum class Family : std::uint8_t { v4, v6 };

  /// 0.0.0.0
  constexpr IpAddress() = default;
  [[nodiscard]] static IpAddress v4(std::array<std::uint8_t, 4> octets);
  [[nodiscard]] static IpAddress v6(std::array<std::uint8_t, 16> octets);
  /// Dotted quad (no leading zeros), or RFC 4291 §2.2 text; no brackets, no zone.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::v4; }
  [[nodiscard]] bool is_v6() const { return family_ == Family::v6; }
  [[nodiscard]] bool is_loopback() const;     ///< 127.0.0.0/8, ::1
  [[nodiscard]] bool is_unspecified() const;  ///< 0.0.0.0, ::
  /// The 4 or 16 octets in network order.
  [[nodiscard]] std::span<const std::uint8_t> octets() const { return {octets_.data(), is_v4() ? 4U : 16U}; }
  /// "192.0.2.1", or RFC 5952 text: "2001:db8::1".
  [[nodiscard]] std::string to_string() const;
  /// The first `bits` bits, the rest zero; `bits` past the address's length keep it whole.
  [[nodiscard]] IpAddress prefix(unsigned bits) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::v4;
  std::array<std::uint8_t, 16> octets_{};
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "192.0.2.1:25", "[2001:db8::1]:25".
  [[nodiscard]] std::string to_string() const;
  /// The inverse; the port is required.
  [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);

  auto operator<=>(const Endpoint&) const = default;
};

/// A network in CIDR form, "192.0.2.0/24"; a bare address is a network of one.
struct IpNetwork {
  IpAddress address;
  unsigned bits = 0;

  [[nodiscard]] static std::optional<IpNetwork> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& other) const;
};

}  // namespace posthorn

template <>
struct std::hash<posthorn::IpAddress> {
  std::size_t operator()(const posthorn::IpAddress& address) const noexcept;
};
