#include "system/auth_wire.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return failure(Error::Kind::corrupt, "the other process sent a malformed " + std::string{what});
}

void put_address(ByteWriter& writer, const IpAddress& address) { writer.put_text(address.to_string()); }

IpAddress take_address(ByteReader& reader) {
  constexpr std::size_t longest = 64;
  const auto text = reader.take_text(longest);
  const auto address = IpAddress::parse(text);
  // One form only: what was read is what its writer would write.
  if (!address || address->to_string() != text) reader.fail();
  return address.value_or(IpAddress{});
}

void put_response(ByteWriter& writer, const std::optional<Secret>& response) {
  writer.put_flag(response.has_value());
  if (response) writer.put_text(response->reveal());
}

std::optional<Secret> take_response(ByteReader& reader) {
  if (!reader.take_flag()) return std::nullopt;
  return Secret{std::string{reader.take_text(world::most_auth_octets)}};
}

}  // namespace

Secret encode(const AuthOpening& opening) {
  ByteWriter writer;
  writer.put_text(opening.start.mechanism);
  writer.put_text(opening.start.exporter_binding);
  writer.put_text(opening.start.unique_binding);
  put_address(writer, opening.start.peer);
  put_response(writer, opening.response);
  return Secret{writer.take()};
}

Result<AuthOpening> decode_auth_opening(std::string_view octets) {
  ByteReader reader{octets};
  AuthOpening opening;
  opening.start.mechanism = reader.take_text(AuthLimits::mechanism);
  opening.start.exporter_binding = reader.take_text(AuthLimits::binding);
  opening.start.unique_binding = reader.take_text(AuthLimits::binding);
  opening.start.peer = take_address(reader);
  opening.response = take_response(reader);
  if (!reader.complete()) return malformed("login");
  return opening;
}

Secret encode(const AuthStep& step) {
  ByteWriter writer;
  writer.put(step.exchange);
  put_response(writer, step.response);
  return Secret{writer.take()};
}

Result<AuthStep> decode_auth_step(std::string_view octets) {
  ByteReader reader{octets};
  AuthStep step;
  step.exchange = reader.take<std::uint64_t>();
  step.response = take_response(reader);
  if (!reader.complete()) return malformed("step of a login");
  return step;
}

std::string encode(const AuthStepped& stepped) {
  ByteWriter writer;
  writer.put(stepped.exchange);
  writer.put(static_cast<std::uint8_t>(stepped.answer.kind));
  writer.put_text(std::string_view{stepped.answer.text}.substr(0, AuthLimits::answer));
  return writer.take();
}

Result<AuthStepped> decode_auth_stepped(std::string_view octets) {
  ByteReader reader{octets};
  AuthStepped stepped;
  stepped.exchange = reader.take<std::uint64_t>();
  stepped.answer.kind = reader.take_enum(world::AuthAnswer::Kind::trouble);
  stepped.answer.text = reader.take_text(AuthLimits::answer);
  if (!reader.complete()) return malformed("answer to a login");
  return stepped;
}

std::string encode(const world::AuthOffer& offer) {
  ByteWriter writer;
  writer.put_flag(offer.passwords);
  writer.put_flag(offer.scram);
  return writer.take();
}

Result<world::AuthOffer> decode_auth_offer(std::string_view octets) {
  ByteReader reader{octets};
  const world::AuthOffer offer{.passwords = reader.take_flag(), .scram = reader.take_flag()};
  if (!reader.complete()) return malformed("list of mechanisms");
  return offer;
}

std::string encode(const AuthSettings& settings) {
  ByteWriter writer;
  writer.put(static_cast<std::uint32_t>(settings.sources.size()));
  for (const auto& source : settings.sources) {
    writer.put(static_cast<std::uint8_t>(source.kind));
    writer.put_text(source.argument);
  }
  writer.put(static_cast<std::uint32_t>(settings.domains.size()));
  for (const auto& domain : settings.domains) writer.put_text(domain);
  return writer.take();
}

Result<AuthSettings> decode_auth_settings(std::string_view octets) {
  ByteReader reader{octets};
  AuthSettings settings;
  const auto sources = reader.take_count(sizeof(std::uint8_t) + sizeof(std::uint32_t));
  if (sources > AuthLimits::sources) reader.fail();
  for (std::uint32_t i = 0; i < sources && !reader.failed(); ++i) {
    const auto kind = reader.take_enum(AuthSettings::Source::Kind::dovecot);
    settings.sources.push_back({kind, std::string{reader.take_text(AuthLimits::argument)}});
  }
  const auto domains = reader.take_count(sizeof(std::uint32_t));
  if (domains > AuthLimits::domains) reader.fail();
  for (std::uint32_t i = 0; i < domains && !reader.failed(); ++i) {
    settings.domains.emplace_back(reader.take_text(AuthLimits::argument));
  }
  if (!reader.complete()) return malformed("list of sources of passwords");
  return settings;
}

Secret encode(const PasswordOrder& order) {
  ByteWriter writer;
  writer.put(order.source);
  writer.put_text(order.name);
  writer.put_text(order.password.reveal());
  put_address(writer, order.peer);
  return Secret{writer.take()};
}

Result<PasswordOrder> decode_password_order(std::string_view octets) {
  ByteReader reader{octets};
  PasswordOrder order;
  order.source = reader.take<std::uint32_t>();
  order.name = reader.take_text(AuthLimits::name);
  order.password = Secret{std::string{reader.take_text(AuthLimits::name)}};
  order.peer = take_address(reader);
  if (!reader.complete()) return malformed("question about a password");
  return order;
}

std::string encode(const PasswordVerdict& verdict) {
  ByteWriter writer;
  writer.put(static_cast<std::uint8_t>(verdict.kind));
  writer.put_text(std::string_view{verdict.text}.substr(0, AuthLimits::answer));
  return writer.take();
}

Result<PasswordVerdict> decode_password_verdict(std::string_view octets) {
  ByteReader reader{octets};
  PasswordVerdict verdict;
  verdict.kind = reader.take_enum(PasswordVerdict::Kind::trouble);
  verdict.text = reader.take_text(AuthLimits::answer);
  if (!reader.complete()) return malformed("answer about a password");
  return verdict;
}

}  // namespace posthorn::system
