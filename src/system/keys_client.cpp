#include "system/keys_client.hpp"

#include "system/memory_file.hpp"
#include "system/remote_key.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace posthorn::system {
namespace {

constexpr int tries = 3;

Result<CertificatePointer> read_der(const std::string& der) {
  const auto* octets = static_cast<const unsigned char*>(static_cast<const void*>(der.data()));
  const auto* const end = octets + der.size();
  CertificatePointer certificate{::d2i_X509(nullptr, &octets, static_cast<long>(der.size()))};
  if (!certificate || octets != end) return tls_failure("read a certificate of the keys process");
  return certificate;
}

}  // namespace

void KeysClient::add_channel(ControlChannel channel) {
  const std::lock_guard lock{mutex_};
  idle_.push_back(std::move(channel));
  wake_.notify_one();
}

std::optional<ControlChannel> KeysClient::borrow() {
  std::unique_lock lock{mutex_};
  if (!wake_.wait_for(lock, limit_, [this] { return !idle_.empty(); })) return std::nullopt;
  auto channel = std::move(idle_.back());
  idle_.pop_back();
  return channel;
}

/// One that did not answer is the last to be asked again.
void KeysClient::give_back(ControlChannel channel, bool answers) {
  const std::lock_guard lock{mutex_};
  idle_.insert(answers ? idle_.end() : idle_.begin(), std::move(channel));
  wake_.notify_one();
}

/// Passes over what answers a question that was given up.
Result<ControlPacket> KeysClient::receive(const ControlChannel& channel, std::uint32_t number) const {
  const auto give_up = std::chrono::steady_clock::now() + limit_;
  for (;;) {
    const auto left = std::max(give_up - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration{});
    auto answer = channel.receive(std::chrono::duration_cast<Duration>(left));
    if (!answer) return answer;
    std::string_view body{answer->payload};
    const auto answered = take_number(body);
    if (!answered) return failure(Error::Kind::ended, "the keys process sends what is no answer");
    if (*answered != number) continue;
    answer->payload.erase(0, answer->payload.size() - body.size());
    return answer;
  }
}

Result<ControlPacket> KeysClient::ask(KeysPacket kind, std::string_view payload) {
  // More broken channels than tries may lie about after a crash; each is found broken at once.
  for (int lost = 0; lost < tries;) {
    auto channel = borrow();
    if (!channel) return failure(Error::Kind::ended, "the keys process has gone");
    const auto number = ++last_number_;
    auto sent = channel->send(static_cast<std::uint16_t>(kind), with_number(number, payload));
    if (!sent && sent.error().kind != Error::Kind::timed_out) continue;
    auto answer = sent ? receive(*channel, number) : Result<ControlPacket>{failure(std::move(sent.error()))};
    if (answer || answer.error().kind == Error::Kind::timed_out) {
      give_back(std::move(*channel), answer.has_value());
      return answer;
    }
    ++lost;
  }
  return failure(Error::Kind::ended, "the keys process ends again and again");
}

Result<std::string> KeysClient::sign(const SignRequest& request) {
  auto answer = ask(KeysPacket::sign, encode(request));
  if (!answer) return failure(std::move(answer.error()));
  if (answer->kind == static_cast<std::uint16_t>(KeysPacket::fault)) {
    return failure(Error::Kind::tls, "the keys process: " + answer->payload);
  }
  if (answer->kind != static_cast<std::uint16_t>(KeysPacket::signature) ||
      answer->payload.size() > KeysLimits::signature) {
    return failure(Error::Kind::corrupt, "the keys process answers with something else than a signature");
  }
  return std::move(answer->payload);
}

Result<std::vector<PublishedIdentity>> KeysClient::identities() {
  const auto answer = ask(KeysPacket::list, {});
  if (!answer) return failure(answer.error());
  if (answer->kind != static_cast<std::uint16_t>(KeysPacket::listed) || answer->descriptors.size() != 1) {
    return failure(Error::Kind::corrupt, "the keys process answers with something else than certificates");
  }
  const auto octets = read_whole(answer->descriptors.front(), "the list of certificates", KeysLimits::listing);
  if (!octets) return failure(octets.error());
  return decode_identities(*octets);
}

Result<std::vector<TlsMaterial>> KeysMaterialSource::read() {
  changed_ = false;
  auto identities = client_->identities();
  if (!identities) {
    changed_ = true;  // to be tried again
    return failure(std::move(identities.error()));
  }
  std::vector<TlsMaterial> materials;
  for (auto& identity : *identities) {
    TlsMaterial material{.files = std::move(identity.files), .chain = {}, .key = nullptr};
    for (const auto& der : identity.chain) {
      auto certificate = read_der(der);
      if (!certificate) return failure(std::move(certificate.error()));
      material.chain.push_back(std::move(*certificate));
    }
    auto key = make_remote_key(::X509_get0_pubkey(material.chain.front().get()),
                               {.number = identity.key, .purpose = KeyPurpose::tls_server, .signer = client_});
    if (!key) return failure(std::move(key.error()));
    material.key = std::move(*key);
    materials.push_back(std::move(material));
  }
  return materials;
}

}  // namespace posthorn::system
