#include "service/remote_delivery.hpp"

#include "world/wait.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

using Ended = rules::TargetWalk::Ended;
using Reason = smtp::SessionEnd::Reason;

/// Whether the host gave us a session at all.
Ended ended_by(const std::optional<smtp::SessionEnd>& end) {
  if (!end) return Ended::refused;
  const bool before_mail = end->step == smtp::Step::greeting && end->code == 0;
  return before_mail ? Ended::unreachable : Ended::refused;
}

world::TlsClientPolicy tls_policy(const rules::WaySecurity& security, const std::string& host) {
  world::TlsClientPolicy policy{.server_name = host, .names = {host}};
  if (security.tls != smtp::RemoteTls::verify) return policy;
  policy.fingerprints = security.fingerprints;
  policy.verify = security.fingerprints.empty() ? world::TlsClientPolicy::Verify::names
                                                : world::TlsClientPolicy::Verify::fingerprint;
  return policy;
}

}  // namespace

RemoteDelivery::RemoteDelivery(World world, const Snapshot<rules::Routing>& routing, RemoteDeliverySettings settings)
    : world_(world),
      routing_(routing),
      settings_(std::move(settings)),
      finder_({world.loop, world.resolver, world.random}, settings_.targets),
      without_tls_({.time = settings_.plain_memory}) {}

RemoteDelivery::~RemoteDelivery() = default;

world::Task<AttemptResult> RemoteDelivery::deliver(Attempt attempt) {
  RemoteLetter letter(std::move(attempt));
  if (auto connection = take_idle(letter.destination())) {
    ++facts_.reused;
    const auto end = co_await send(letter, *connection);
    if (!end) keep(letter.destination(), std::move(connection));
  }
  if (letter.has_open()) {
    const auto routing = routing_.current();
    const auto& way = routing->way_for(letter.domain());
    if (!way.hop.unix_path.empty()) {
      co_await try_unix_socket(letter);
    } else {
      auto plan = co_await finder_.find(way, letter.domain());
      if (const auto* nowhere = std::get_if<rules::Unroutable>(&plan)) {
        letter.decide_all(*nowhere);
      } else {
        co_await walk(letter, std::get<std::vector<rules::Target>>(std::move(plan)));
      }
    }
  }
  auto result = letter.finish();
  for (const auto& recipient : result.recipients) {
    if (recipient.what == RecipientResult::What::delivered) ++facts_.delivered;
    if (recipient.what == RecipientResult::What::unknown) ++facts_.ambiguous;
  }
  co_return result;
}

world::Task<> RemoteDelivery::walk(RemoteLetter& letter, std::vector<rules::Target> targets) {
  memory_.put_dead_last(targets, world_.loop.now());
  rules::TargetWalk way(std::move(targets), settings_.tries);
  while (!way.at_end() && letter.has_open()) {
    const auto target = way.current();
    way.go_on(co_await try_target(letter, target));
  }
}

world::Task<Ended> RemoteDelivery::try_target(RemoteLetter& letter, rules::Target target) {
  if (!letter.has_open_for(target.host)) co_return Ended::refused;
  const auto routing = routing_.current();
  const auto& way = routing->way_for(letter.domain());
  for (bool in_the_clear = without_tls_.is_dead(target.endpoint, world_.loop.now());;) {
    auto connection = co_await connect(way, target.endpoint, target.host, in_the_clear);
    if (!connection) {
      memory_.note_dead(target.endpoint, world_.loop.now());
      letter.note_unreachable(target.host, connection.error().text);
      co_return Ended::unreachable;
    }
    memory_.note_alive(target.endpoint);
    const auto end = co_await send(letter, **connection);
    if (!end) keep(letter.destination(), std::move(*connection));
    const bool tls_failed = end && end->reason == Reason::tls_failed;
    if (!tls_failed || way.security.tls != smtp::RemoteTls::may || in_the_clear) co_return ended_by(end);
    // RFC 7435: opportunistic encryption that does not work is no reason to keep mail back.
    world_.log.info("tls.given_up", {{"host", target.host}, {"error", end->text}});
    without_tls_.note_dead(target.endpoint, world_.loop.now());
    in_the_clear = true;
  }
}

world::Task<> RemoteDelivery::try_unix_socket(RemoteLetter& letter) {
  const auto routing = routing_.current();
  const auto& way = routing->way_for(letter.domain());
  auto connection = co_await connect(way, world::UnixPath{way.hop.unix_path}, way.hop.unix_path, true);
  if (!connection) {
    letter.note_unreachable(way.hop.unix_path, connection.error().text);
    co_return;
  }
  const auto end = co_await send(letter, **connection);
  if (!end) keep(letter.destination(), std::move(*connection));
}

world::Task<Result<std::unique_ptr<OutgoingConnection>>> RemoteDelivery::connect(const rules::Way& way,
                                                                                 world::PeerAddress to,
                                                                                 std::string host, bool in_the_clear) {
  auto stream = co_await world_.network.connect(std::move(to), settings_.source,
                                                after(world_.loop.now(), settings_.connect_timeout));
  if (!stream) co_return failure(std::move(stream.error()));
  ++facts_.connections;
  auto session = std::make_shared<smtp::ClientSettings>(settings_.session);
  const bool is_lmtp = way.kind == rules::Way::Kind::hop && way.hop.protocol == rules::NextHop::Protocol::lmtp;
  session->dialect = is_lmtp ? smtp::Dialect::lmtp : smtp::Dialect::smtp;
  session->tls = in_the_clear ? smtp::RemoteTls::none : way.security.tls;
  session->authenticate = way.security.login != nullptr;
  OutgoingSettings settings{.session = std::move(session), .tls = tls_policy(way.security, host)};
  if (way.security.login) settings.credentials = {way.security.login->user, way.security.login->password.copy()};
  co_return std::make_unique<OutgoingConnection>(world_.loop, std::move(*stream), std::move(host), std::move(settings));
}

world::Task<std::optional<smtp::SessionEnd>> RemoteDelivery::send(RemoteLetter& letter,
                                                                  OutgoingConnection& connection) {
  while (letter.has_open_for(connection.host()) && connection.is_usable()) {
    const auto sent = co_await connection.send(letter.begin(connection.host()), letter.text());
    letter.keep_dialogue(connection.host(), connection.take_dialogue());
    letter.note(sent.done, connection.host());
    if (sent.end) co_return sent.end;
    const bool all_tried = std::ranges::none_of(sent.done.outcomes, [](const smtp::Outcome& outcome) {
      return outcome.kind == smtp::Outcome::Kind::untried;
    });
    if (all_tried) break;
  }
  co_return std::nullopt;
}

std::unique_ptr<OutgoingConnection> RemoteDelivery::take_idle(const std::string& destination) {
  const auto found = std::ranges::find(idle_, destination, &Idle::destination);
  if (found == idle_.end()) return nullptr;
  auto connection = std::move(found->connection);
  idle_.erase(found);
  return connection;
}

void RemoteDelivery::keep(const std::string& destination, std::unique_ptr<OutgoingConnection> connection) {
  const bool has_room = idle_.size() < settings_.idle_connections;
  if (!has_room || !connection->is_usable() || connection->messages() >= settings_.messages_per_connection) {
    tasks_.start(say_goodbye(std::move(connection)));
    return;
  }
  idle_.push_back({destination, std::move(connection), ++serial_});
  tasks_.start(retire(serial_));
}

world::Task<> RemoteDelivery::retire(std::uint64_t serial) {
  co_await world::sleep_until(world_.loop, after(world_.loop.now(), settings_.idle_time));
  const auto found = std::ranges::find(idle_, serial, &Idle::serial);
  if (found == idle_.end()) co_return;
  auto connection = std::move(found->connection);
  idle_.erase(found);
  co_await connection->quit();
}

world::Task<> RemoteDelivery::say_goodbye(std::unique_ptr<OutgoingConnection> connection) {
  co_await connection->quit();
}

}  // namespace posthorn::service
