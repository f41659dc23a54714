// Kinds that say where something is on the network.
#include "base/ascii.hpp"
#include "config/kinds.hpp"
#include "mail/domain.hpp"

#include <fmt/core.h>

namespace posthorn::config {
namespace {

constexpr std::uint16_t dns_port = 53;

template <class T>
using Parsed = std::expected<T, std::string>;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const auto number = ascii::to_number(text);
  if (!number || *number == 0 || *number > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

Parsed<Endpoint> parse_endpoint(std::string_view text) {
  if (const auto endpoint = Endpoint::parse(text)) return *endpoint;
  return std::unexpected("must be an address with a port, \"192.0.2.1:25\" or \"[2001:db8::1]:25\"");
}

Parsed<Endpoint> parse_dns_server(std::string_view text) {
  if (const auto endpoint = Endpoint::parse(text); endpoint && endpoint->port != 0) return *endpoint;
  if (const auto address = IpAddress::parse(text)) return Endpoint{*address, dns_port};
  return std::unexpected("must be an address, \"192.0.2.53\", or one with a port, \"127.0.0.1:5353\"");
}

Parsed<IpNetwork> parse_network(std::string_view text) {
  if (const auto network = IpNetwork::parse(text)) return *network;
  return std::unexpected("must be a network, \"192.0.2.0/24\", or an address");
}

std::string network_text(const IpNetwork& network) {
  return fmt::format("{}/{}", network.address.to_string(), network.bits);
}

/// Puts the host of "host", "192.0.2.1" or "[2001:db8::1]" where it belongs.
bool set_host(std::string_view text, NextHop& hop) {
  if (text.starts_with('[') && text.ends_with(']')) {
    hop.address = IpAddress::parse(text.substr(1, text.size() - 2));
    return hop.address.has_value();
  }
  hop.address = IpAddress::parse(text);
  if (hop.address) return true;
  const auto domain = mail::Domain::parse(text);
  if (!domain || domain->is_literal()) return false;
  hop.host = domain->text();
  return true;
}

/// "host", "host:port", "[address]:port".
bool set_host_and_port(std::string_view text, NextHop& hop) {
  const auto colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && !text.ends_with(']');
  if (!has_port) return set_host(text, hop);
  hop.port = parse_port(text.substr(colon + 1));
  const auto host = text.substr(0, colon);
  return hop.port && !(host.contains(':') && !host.starts_with('[')) && set_host(host, hop);
}

Parsed<NextHop> parse_next_hop(std::string_view text) {
  NextHop hop;
  if (text.starts_with("lmtp:")) {
    hop.protocol = NextHop::Protocol::lmtp;
    text.remove_prefix(5);
    if (text.starts_with("unix:/")) {
      hop.unix_path = text.substr(5);
      return hop;
    }
  }
  if (set_host_and_port(text, hop)) return hop;
  return std::unexpected(
      "must be \"host\", \"host:port\", \"[address]:port\", \"lmtp:host:port\" or \"lmtp:unix:/path\"");
}

std::string host_text(const NextHop& hop) {
  if (!hop.address) return hop.host;
  return hop.address->is_v6() ? "[" + hop.address->to_string() + "]" : hop.address->to_string();
}

Parsed<SourceBinding> parse_source(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) return SourceBinding{.interface = {}, .address = *address};
  Reading reading;
  const auto name = interface_name().read({{}, std::string(text)}, reading);
  if (name) return SourceBinding{.interface = *name, .address = {}};
  return std::unexpected("must be the name of a network interface or an address");
}

std::string source_text(const SourceBinding& source) {
  return source.address ? source.address->to_string() : source.interface;
}

Parsed<AuthSource> parse_auth_source(std::string_view text) {
  if (text == "users") return AuthSource{};
  if (text == "pam") return AuthSource{AuthSource::Kind::pam, "posthorn"};
  if (text.starts_with("pam:") && text.size() > 4 && !text.contains('/')) {
    return AuthSource{AuthSource::Kind::pam, std::string(text.substr(4))};
  }
  if (text.starts_with("dovecot:/")) return AuthSource{AuthSource::Kind::dovecot, std::string(text.substr(8))};
  return std::unexpected("must be \"users\", \"pam\", \"pam:SERVICE\" or \"dovecot:/path/of/auth-socket\"");
}

std::string auth_source_text(const AuthSource& source) {
  switch (source.kind) {
    case AuthSource::Kind::users_file:
      return "users";
    case AuthSource::Kind::pam:
      return "pam:" + source.argument;
    case AuthSource::Kind::dovecot:
      return "dovecot:" + source.argument;
  }
  return {};
}

}  // namespace

std::string next_hop_text(const NextHop& hop) {
  const std::string prefix = hop.protocol == NextHop::Protocol::lmtp ? "lmtp:" : "";
  if (!hop.unix_path.empty()) return prefix + "unix:" + hop.unix_path;
  return prefix + host_text(hop) + (hop.port ? fmt::format(":{}", *hop.port) : "");
}

Kind<Endpoint> endpoint() {
  return written_as_text<Endpoint>("an address with a port", parse_endpoint, &Endpoint::to_string);
}

Kind<Endpoint> dns_server() {
  return written_as_text<Endpoint>("an address, with or without a port", parse_dns_server, &Endpoint::to_string);
}

Kind<IpNetwork> network() { return written_as_text<IpNetwork>("a network", parse_network, network_text); }

Kind<NextHop> next_hop() { return written_as_text<NextHop>("a host to hand over to", parse_next_hop, next_hop_text); }

Kind<SourceBinding> source_binding() {
  return written_as_text<SourceBinding>("the name of a network interface, an address, or \"\"", parse_source,
                                        source_text);
}

Kind<AuthSource> auth_source() {
  return written_as_text<AuthSource>("a source of passwords", parse_auth_source, auth_source_text);
}

}  // namespace posthorn::config
