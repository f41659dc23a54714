#include "system/keys_service.hpp"

#include "system/memory_file.hpp"
#include "system/tls_pem.hpp"
#include "system/tls_server_contexts.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;
constexpr Duration idle = std::chrono::hours{1};

bool is_over(const Error& error) { return error.kind != Error::Kind::timed_out; }

std::uint16_t number_of(KeysPacket kind) { return static_cast<std::uint16_t>(kind); }

}  // namespace

KeysService::KeysService(KeysPart* part)
    : part_(part), channels_([this](KeysPacket kind, std::string_view body) { return answer(kind, body); }) {}

void KeysService::serve_parent(const ControlChannel& parent) {
  for (;;) {
    auto packet = parent.receive(idle);
    if (!packet && is_over(packet.error())) return;
    if (packet && !obey(parent, std::move(*packet))) return;
  }
}

bool KeysService::obey(const ControlChannel& parent, ControlPacket packet) {
  const auto kind = static_cast<KeysPacket>(packet.kind);
  if (kind == KeysPacket::identity) return take_identity(std::move(packet));
  if (kind == KeysPacket::load) return parent.send(number_of(KeysPacket::loaded), encode(load())).has_value();
  if (kind == KeysPacket::alive) return parent.send(packet.kind, {}).has_value();
  if (kind != KeysPacket::channel) return part_ != nullptr && part_->obey(parent, std::move(packet));
  if (packet.descriptors.size() != 1) return false;
  channels_.add(ControlChannel{std::move(packet.descriptors.front())});
  return true;
}

bool KeysService::take_identity(ControlPacket packet) {
  auto files = decode_identity_files(packet.payload);
  if (!files || packet.descriptors.size() != 2 || sent_.size() >= KeysLimits::identities) return false;
  sent_.push_back({std::move(*files), std::move(packet.descriptors[0]), std::move(packet.descriptors[1])});
  return true;
}

LoadedKeys KeysService::load() {
  LoadedKeys loaded;
  std::vector<TlsMaterial> materials;
  for (const auto& sent : std::exchange(sent_, {})) {
    const auto certificate = read_whole(sent.certificate, sent.files.certificate, largest_file);
    auto key = read_whole(sent.key, sent.files.key_file(), largest_file);
    if (!certificate || !key) return {.fault = (certificate ? key : certificate).error().text};
    auto material = read_material(sent.files, *certificate, *key);
    ::OPENSSL_cleanse(key->data(), key->size());
    if (!material) return {.fault = std::move(material.error().text)};
    loaded.expiries.push_back({sent.files.certificate, expiry_of(material->chain.front().get())});
    materials.push_back(std::move(*material));
  }
  // Two of one kind for the same names, and whatever else would not do, is found here and not in the engine.
  if (const auto fits = TlsServerContexts::make(materials, {}); !fits) return {.fault = fits.error().text};
  keys_.replace(std::move(materials));
  std::ranges::sort(loaded.expiries, {}, &LoadedKeys::Expiry::when);
  return loaded;
}

Result<ChannelThreads::Reply> KeysService::answer(KeysPacket kind, std::string_view body) const {
  if (kind == KeysPacket::list) return list();
  if (kind != KeysPacket::sign && part_ != nullptr) return part_->answer(kind, body);
  if (kind != KeysPacket::sign) return failure(Error::Kind::corrupt, "an unknown packet");
  const auto request = decode_sign_request(body);
  if (!request) return failure(request.error());
  auto signature = keys_.sign(*request);
  if (!signature)
    return ChannelThreads::Reply{.kind = KeysPacket::fault, .body = signature.error().text.substr(0, KeysLimits::text)};
  return ChannelThreads::Reply{.kind = KeysPacket::signature, .body = std::move(*signature)};
}

ChannelThreads::Reply KeysService::list() const {
  auto file = make_memory_file("certificates", encode(keys_.identities()));
  if (!file) return {.kind = KeysPacket::fault, .body = file.error().text};
  return {.kind = KeysPacket::listed, .body = {}, .file = std::move(*file)};
}

}  // namespace posthorn::system
