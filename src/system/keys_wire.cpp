#include "system/keys_wire.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <algorithm>

namespace posthorn::system {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return failure(Error::Kind::corrupt, "the other process sent a malformed " + std::string{what});
}

void put_files(ByteWriter& writer, const TlsIdentityFiles& files) {
  writer.put(static_cast<std::uint32_t>(files.names.size()));
  for (const auto& name : files.names) writer.put_text(name);
  writer.put_text(files.certificate);
  writer.put_text(files.key);
}

TlsIdentityFiles take_files(ByteReader& reader) {
  TlsIdentityFiles files;
  const auto count = reader.take_count(sizeof(std::uint32_t));
  if (count > KeysLimits::names) reader.fail();
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
    files.names.emplace_back(reader.take_text(KeysLimits::name));
  }
  files.certificate = reader.take_text(KeysLimits::name);
  files.key = reader.take_text(KeysLimits::name);
  return files;
}

PublishedIdentity take_identity(ByteReader& reader) {
  PublishedIdentity identity{.files = take_files(reader), .key = reader.take<std::uint32_t>(), .chain = {}};
  const auto count = reader.take_count(sizeof(std::uint32_t));
  if (count == 0 || count > KeysLimits::chain) reader.fail();
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
    identity.chain.emplace_back(reader.take_text(KeysLimits::certificate));
  }
  return identity;
}

}  // namespace

std::size_t size_of(SignDigest digest) {
  switch (digest) {
    case SignDigest::none:
      return 0;
    case SignDigest::sha256:
      return 32;
    case SignDigest::sha384:
      return 48;
    case SignDigest::sha512:
      return 64;
  }
  return 0;
}

std::string with_number(std::uint32_t number, std::string_view body) {
  ByteWriter writer;
  writer.put(number);
  writer.put_raw(body);
  return writer.take();
}

std::optional<std::uint32_t> take_number(std::string_view& payload) {
  ByteReader reader{payload};
  const auto number = reader.take<std::uint32_t>();
  if (reader.failed()) return std::nullopt;
  payload.remove_prefix(sizeof number);
  return number;
}

std::string encode(const SignRequest& request) {
  ByteWriter writer;
  writer.put(request.key);
  writer.put(static_cast<std::uint8_t>(request.purpose));
  writer.put(static_cast<std::uint8_t>(request.scheme));
  writer.put(static_cast<std::uint8_t>(request.digest));
  writer.put_text(request.data);
  return writer.take();
}

Result<SignRequest> decode_sign_request(std::string_view octets) {
  ByteReader reader{octets};
  SignRequest request;
  request.key = reader.take<std::uint32_t>();
  request.purpose = reader.take_enum(KeyPurpose::dkim);
  request.scheme = reader.take_enum(SignScheme::ed25519);
  request.digest = reader.take_enum(SignDigest::sha512);
  request.data = reader.take_text(KeysLimits::signed_octets);
  const bool whole = request.digest == SignDigest::none
                         ? request.scheme == SignScheme::ed25519 && !request.data.empty()
                         : request.scheme != SignScheme::ed25519 && request.data.size() == size_of(request.digest);
  if (!reader.complete() || !whole) return malformed("order to sign");
  return request;
}

std::string encode(const TlsIdentityFiles& files) {
  ByteWriter writer;
  put_files(writer, files);
  return writer.take();
}

Result<TlsIdentityFiles> decode_identity_files(std::string_view octets) {
  ByteReader reader{octets};
  auto files = take_files(reader);
  if (!reader.complete()) return malformed("identity");
  return files;
}

std::string encode(const std::vector<PublishedIdentity>& identities) {
  ByteWriter writer;
  writer.put(static_cast<std::uint32_t>(identities.size()));
  for (const auto& identity : identities) {
    put_files(writer, identity.files);
    writer.put(identity.key);
    writer.put(static_cast<std::uint32_t>(identity.chain.size()));
    for (const auto& certificate : identity.chain) writer.put_text(certificate);
  }
  return writer.take();
}

Result<std::vector<PublishedIdentity>> decode_identities(std::string_view octets) {
  ByteReader reader{octets};
  const auto count = reader.take_count(sizeof(std::uint32_t));
  if (count > KeysLimits::identities) reader.fail();
  std::vector<PublishedIdentity> identities;
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) identities.push_back(take_identity(reader));
  if (!reader.complete()) return malformed("list of certificates");
  return identities;
}

std::string encode(const LoadedKeys& loaded) {
  ByteWriter writer;
  writer.put_text(std::string_view{loaded.fault}.substr(0, KeysLimits::text));
  // As many as go into a packet; the others are not warned about before they are among the first to expire.
  constexpr std::size_t most = 40;
  const auto count = std::min(loaded.expiries.size(), most);
  writer.put(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    writer.put_text(std::string_view{loaded.expiries[i].certificate}.substr(0, KeysLimits::name));
    writer.put(loaded.expiries[i].when);
  }
  return writer.take();
}

Result<LoadedKeys> decode_loaded_keys(std::string_view octets) {
  ByteReader reader{octets};
  LoadedKeys loaded;
  loaded.fault = reader.take_text(KeysLimits::text);
  const auto count = reader.take_count(sizeof(std::uint32_t) + sizeof(std::int64_t));
  for (std::uint32_t i = 0; i < count && !reader.failed(); ++i) {
    std::string certificate{reader.take_text(KeysLimits::name)};
    loaded.expiries.push_back({.certificate = std::move(certificate), .when = reader.take_signed()});
  }
  if (!reader.complete()) return malformed("answer");
  return loaded;
}

}  // namespace posthorn::system
