// The kinds of values that settings have: durations, sizes, numbers, addresses, names, paths. Each refuses what cannot
// be meant and says what would be right. Bounds given are inclusive.
#pragma once

#include "base/ip_address.hpp"
#include "base/time.hpp"
#include "config/configuration.hpp"
#include "config/kind.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::config {

/// "30s", "1h30m", "250ms", "5d", "2w"; units from the largest to the smallest.
[[nodiscard]] Kind<Duration> duration(Duration least, Duration most);
/// The same for who has only a text; nothing: it is no duration.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
/// The same of a size: "4KiB".
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
/// "500B", "25MiB", "1GB"; in octets.
[[nodiscard]] Kind<std::uint64_t> size(std::uint64_t least, std::uint64_t most);
[[nodiscard]] Kind<std::uint32_t> count(std::uint32_t least, std::uint32_t most);
[[nodiscard]] Kind<std::uint16_t> port();
[[nodiscard]] Kind<bool> yes_or_no();

/// One line without control characters; may be empty.
[[nodiscard]] Kind<std::string> text();
[[nodiscard]] Kind<std::string> path();
[[nodiscard]] Kind<std::string> path_or_empty();
/// The name of a file in a known folder, or "".
[[nodiscard]] Kind<std::string> file_name_or_empty();
/// The name of a network interface, or "".
[[nodiscard]] Kind<std::string> interface_name();

/// A host or domain name, kept in its canonical form: lower case, A-labels.
[[nodiscard]] Kind<std::string> domain_name();
/// The same, or "*", or ".example.org" for what is below it.
[[nodiscard]] Kind<std::string> domain_pattern();
/// The same as domain_name(), or "*.example.org" for each name one label longer.
[[nodiscard]] Kind<std::string> certificate_name();

/// "192.0.2.1:25", "[2001:db8::1]:25". Port 0 asks for any free one.
[[nodiscard]] Kind<Endpoint> endpoint();
/// The same; without a port it is 53.
[[nodiscard]] Kind<Endpoint> dns_server();
/// "192.0.2.0/24", or an address.
[[nodiscard]] Kind<IpNetwork> network();
/// "host[:port]", "[address]:port", "lmtp:host:port", "lmtp:unix:/path".
[[nodiscard]] Kind<NextHop> next_hop();
/// An interface's name, an address, or "".
[[nodiscard]] Kind<SourceBinding> source_binding();
/// "users", "pam", "pam:SERVICE", "dovecot:/path".
[[nodiscard]] Kind<AuthSource> auth_source();
/// SHA-256 of a certificate: 64 hexadecimal digits, colons between them allowed. Kept as 32 octets.
[[nodiscard]] Kind<std::string> fingerprint();

/// "1h30m", "250ms": as duration() reads it, to the millisecond.
[[nodiscard]] std::string duration_text(Duration duration);
/// "25MiB": the largest unit that divides it.
[[nodiscard]] std::string size_text(std::uint64_t octets);
[[nodiscard]] std::string next_hop_text(const NextHop& hop);

}  // namespace posthorn::config
