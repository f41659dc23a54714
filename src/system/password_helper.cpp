#include "system/password_helper.hpp"

#include "system/dovecot_source.hpp"
#include "system/pam_source.hpp"

#include <utility>

namespace posthorn::system {
namespace {

constexpr Duration idle = std::chrono::hours{1};

std::unique_ptr<PasswordSource> make_source(const AuthSettings::Source& source, const AuthSettings& settings) {
  switch (source.kind) {
    case AuthSettings::Source::Kind::users_file:
      break;
    case AuthSettings::Source::Kind::pam:
      return std::make_unique<PamSource>(
          PamSource::Settings{.service = source.argument, .domains = settings.domains, .folder = {}});
    case AuthSettings::Source::Kind::dovecot:
      return std::make_unique<DovecotSource>(DovecotSource::Settings{.socket = source.argument});
  }
  return nullptr;
}

}  // namespace

PasswordHelper::PasswordHelper(const AuthSettings& settings)
    : channels_([this](KeysPacket kind, std::string_view body) { return answer(kind, body); }) {
  for (const auto& source : settings.sources) sources_.push_back(make_source(source, settings));
}

void PasswordHelper::serve_parent(const ControlChannel& parent) {
  for (;;) {
    auto packet = parent.receive(idle);
    if (!packet && packet.error().kind != Error::Kind::timed_out) return;
    if (!packet) continue;
    if (packet->kind == static_cast<std::uint16_t>(KeysPacket::alive)) {
      if (!parent.send(packet->kind, {})) return;
      continue;
    }
    if (packet->kind != static_cast<std::uint16_t>(KeysPacket::channel) || packet->descriptors.size() != 1) return;
    channels_.add(ControlChannel{std::move(packet->descriptors.front())});
  }
}

Result<ChannelThreads::Reply> PasswordHelper::answer(KeysPacket kind, std::string_view body) const {
  if (kind != KeysPacket::password) return failure(Error::Kind::corrupt, "an unknown packet");
  const auto order = decode_password_order(body);
  if (!order) return failure(order.error());
  if (order->source >= sources_.size() || !sources_[order->source]) {
    return failure(Error::Kind::corrupt, "a source of passwords that is not here");
  }
  const auto verdict = sources_[order->source]->check({order->name, order->password, order->peer});
  return ChannelThreads::Reply{.kind = KeysPacket::verdict, .body = encode(verdict)};
}

PasswordVerdict HelperSource::check(const PasswordQuestion& question) {
  using Kind = PasswordVerdict::Kind;
  const PasswordOrder order{.source = place_,
                            .name = std::string{question.name},
                            .password = question.password.copy(),
                            .peer = question.peer};
  const auto reply = helper_->ask(KeysPacket::password, encode(order).reveal());
  if (!reply) return {Kind::trouble, "the process that asks PAM and Dovecot: " + reply.error().text};
  auto verdict = decode_password_verdict(reply->payload);
  if (!verdict) return {Kind::trouble, verdict.error().text};
  return std::move(*verdict);
}

}  // namespace posthorn::system
