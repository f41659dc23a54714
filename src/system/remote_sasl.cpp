#include "system/remote_sasl.hpp"

#include "system/auth_wire.hpp"

#include <cstdint>
#include <utility>

namespace posthorn::system {
namespace {

using world::AuthAnswer;
using Kind = AuthAnswer::Kind;

class RemoteExchange final : public SaslExchange {
 public:
  RemoteExchange(std::shared_ptr<KeysClient> client, world::AuthStart start)
      : client_(std::move(client)), start_(std::move(start)) {}
  /// One that was broken off is forgotten there, too.
  ~RemoteExchange() override {
    if (is_open_) static_cast<void>(client_->ask(KeysPacket::auth_end, encode(AuthStep{.exchange = number_}).reveal()));
  }

  AuthAnswer respond(const std::optional<Secret>& response) override {
    auto words = response ? std::optional{response->copy()} : std::nullopt;
    if (is_open_) {
      return ask(KeysPacket::auth_respond, encode(AuthStep{.exchange = number_, .response = std::move(words)}));
    }
    if (has_begun_) return {};
    has_begun_ = true;
    return ask(KeysPacket::auth_begin, encode(AuthOpening{.start = std::move(start_), .response = std::move(words)}));
  }

  AuthAnswer proceed() override {
    if (!is_open_) return {};
    return ask(KeysPacket::auth_proceed, encode(AuthStep{.exchange = number_}));
  }

 private:
  AuthAnswer ask(KeysPacket kind, const Secret& body) {
    is_open_ = false;
    const auto reply = client_->ask(kind, body.reveal());
    if (!reply) return {Kind::trouble, reply.error().text};
    auto stepped = decode_auth_stepped(reply->payload);
    if (reply->kind != static_cast<std::uint16_t>(KeysPacket::auth_answer) || !stepped) {
      return {Kind::trouble, "the keys process answers with something else than a step of a login"};
    }
    number_ = stepped->exchange;
    is_open_ = stepped->answer.kind == Kind::challenge || stepped->answer.kind == Kind::claim;
    return std::move(stepped->answer);
  }

  std::shared_ptr<KeysClient> client_;
  world::AuthStart start_;
  std::uint64_t number_ = 0;
  bool has_begun_ = false;
  bool is_open_ = false;  // there, and waiting for the next step
};

}  // namespace

/// Without an answer there are mechanisms all the same: who then tries one is told of the trouble.
world::AuthOffer RemoteSasl::offer() {
  const auto reply = client_->ask(KeysPacket::auth_offer, {});
  const auto offer = reply ? decode_auth_offer(reply->payload) : Result<world::AuthOffer>{failure(reply.error())};
  return offer.value_or(world::AuthOffer{.passwords = true, .scram = false});
}

std::unique_ptr<SaslExchange> RemoteSasl::begin(world::AuthStart start) {
  return std::make_unique<RemoteExchange>(client_, std::move(start));
}

}  // namespace posthorn::system
