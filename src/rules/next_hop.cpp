#include "rules/next_hop.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "mail/domain.hpp"

#include <fmt/format.h>

namespace posthorn::rules {
namespace {

constexpr std::size_t longest_unix_path = 107;  // sun_path holds 108 octets with its NUL

Result<NextHop> unix_socket(std::string_view path) {
  if (!path.starts_with('/')) return failure(Error::Kind::invalid, "the path of the socket must start with /");
  if (path.size() > longest_unix_path) return failure(Error::Kind::invalid, "the path of the socket is too long");
  if (path.find('\0') != std::string_view::npos) return failure(Error::Kind::invalid, "a path has no NUL");
  NextHop hop;
  hop.protocol = NextHop::Protocol::lmtp;
  hop.unix_path = path;
  return hop;
}

/// ":port" or nothing, at the end of the text.
Result<std::optional<std::uint16_t>> take_port(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto port = ascii::to_number(text.substr(1));
  if (text.front() != ':' || !port || *port == 0 || *port > 65'535) {
    return failure(Error::Kind::invalid, "after the host stands :port, a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(*port);
}

Result<NextHop> bracketed(std::string_view text) {
  const auto close = text.find(']');
  if (close == std::string_view::npos) return failure(Error::Kind::invalid, "the bracket is not closed");
  NextHop hop;
  hop.address = IpAddress::parse(text.substr(1, close - 1));
  if (!hop.address) return failure(Error::Kind::invalid, "between the brackets stands an IPv4 or IPv6 address");
  auto port = take_port(text.substr(close + 1));
  if (!port) return std::unexpected(std::move(port.error()));
  hop.port = *port;
  return hop;
}

Result<NextHop> named(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  if (text.find(':', colon + 1) != std::string_view::npos && colon != std::string_view::npos) {
    return failure(Error::Kind::invalid, "an IPv6 address stands in brackets");
  }
  auto port = take_port(colon == std::string_view::npos ? std::string_view{} : text.substr(colon));
  if (!port) return std::unexpected(std::move(port.error()));
  NextHop hop;
  hop.port = *port;
  hop.address = IpAddress::parse(name);
  if (hop.address) return hop;
  auto host = mail::Domain::parse(name);
  if (!host) return failure(std::move(host.error()).context("host"));
  hop.host = host->text();
  return hop;
}

}  // namespace

Result<NextHop> NextHop::parse(std::string_view text) {
  Scanner scanner(text);
  const bool lmtp = scanner.take_word("lmtp:");
  if (lmtp && scanner.take_word("unix:")) return unix_socket(scanner.rest());
  const auto place = scanner.rest();
  if (place.empty()) return failure(Error::Kind::invalid, "a host is missing");
  auto hop = place.starts_with('[') ? bracketed(place) : named(place);
  if (hop && lmtp) hop->protocol = Protocol::lmtp;
  return hop;
}

std::string NextHop::to_string() const {
  const std::string_view prefix = protocol == Protocol::lmtp ? "lmtp:" : "";
  if (!unix_path.empty()) return fmt::format("{}unix:{}", prefix, unix_path);
  const auto place = address ? fmt::format("[{}]", address->to_string()) : host;
  return port ? fmt::format("{}{}:{}", prefix, place, *port) : fmt::format("{}{}", prefix, place);
}

}  // namespace posthorn::rules
