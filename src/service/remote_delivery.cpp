#include "service/remote_delivery.hpp"

#include "base/assert.hpp"
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

/// A server that breaks off, is silent or talks nonsense at STARTTLS does so at each attempt, as a rule.
bool is_fault_of_tls(const smtp::SessionEnd& end) {
  return end.reason == Reason::tls_failed || end.step == smtp::Step::starttls;
}

world::TlsClientPolicy tls_policy(const rules::WaySecurity& security, const std::string& host,
                                  const RemoteDeliverySettings& settings) {
  world::TlsClientPolicy policy{.server_name = host, .names = {host}};
  policy.certificate_file = settings.certificate_file;
  policy.key_file = settings.key_file;
  if (security.tls != smtp::RemoteTls::verify) return policy;
  policy.fingerprints = security.fingerprints;
  policy.verify = security.fingerprints.empty() ? world::TlsClientPolicy::Verify::names
                                                : world::TlsClientPolicy::Verify::fingerprint;
  return policy;
}

/// RFC 6531 §3.5, RFC 8689 §4: another server of the destination may take what this one does not.
bool takes(const OutgoingConnection& connection, const mail::Envelope& envelope) {
  if (envelope.smtputf8 && !connection.peer().smtputf8) return false;
  const bool needs_tls = envelope.require_tls && envelope.sender.has_value();
  return !needs_tls || (connection.is_encrypted() && connection.peer().require_tls);
}

std::string domain_of(const Attempt& attempt) {
  return std::string(attempt.message.envelope.recipients[attempt.recipients.front()].address.domain());
}

}  // namespace

RemoteDelivery::RemoteDelivery(World world, const Snapshot<rules::Routing>& routing, RemoteDeliverySettings settings)
    : world_(world),
      routing_(routing),
      settings_(std::move(settings)),
      finder_({world.loop, world.resolver, world.random}, settings_.targets),
      without_tls_({.time = settings_.plain_memory}) {}

RemoteDelivery::~RemoteDelivery() = default;

void RemoteDelivery::change(RemoteDeliverySettings settings) {
  settings_ = std::move(settings);
  finder_.change(settings_.targets);
}

world::Task<AttemptResult> RemoteDelivery::deliver(Attempt attempt) {
  // One snapshot for the whole attempt: the recipients were grouped by it.
  const auto routing = routing_.current();
  auto domain = domain_of(attempt);
  const auto& way = routing->way_for(domain);
  if (way.kind == rules::Way::Kind::files) co_return co_await hand_over(std::move(attempt), std::move(domain));
  RemoteLetter letter(std::move(attempt));
  note_repeat(letter);
  auto result = co_await relay(letter, way);
  count(result);
  co_return result;
}

/// FAULTS F42: who died between the final dot and the record could not count the case; it is told now, before the copy that
/// may be a second one.
void RemoteDelivery::note_repeat(const RemoteLetter& letter) {
  if (!letter.may_be_repeat()) return;
  ++facts_.may_be_repeats;
  world_.log.info("delivery.may_be_repeat", {{"message", letter.id()}, {"recipients", letter.open()}});
}

world::Task<AttemptResult> RemoteDelivery::hand_over(Attempt attempt, std::string domain) {
  ensure(world_.hand_over != nullptr, "hand-over folders have somebody to write them");
  attempt.destination = std::move(domain);
  co_return co_await world_.hand_over->deliver(std::move(attempt));
}

world::Task<AttemptResult> RemoteDelivery::relay(RemoteLetter& letter, const rules::Way& way) {
  if (!way.hop.unix_path.empty()) {
    if (!letter.moves_to(rules::Routing::destination_key(way, letter.domain()))) co_return letter.result_elsewhere();
    const auto asked = co_await send_by_idle(letter, way);
    if (letter.has_open() && asked.empty()) co_await try_unix_socket(letter, way);
    co_return letter.finish();
  }
  auto hosts = co_await finder_.find_hosts(way, letter.domain());
  if (const auto* nowhere = std::get_if<rules::Unroutable>(&hosts)) {
    letter.decide_all(*nowhere);
    co_return letter.finish();
  }
  auto names = std::get<std::vector<rules::MailHost>>(std::move(hosts));
  if (!letter.moves_to(finder_.destination_key(way, letter.domain(), names))) co_return letter.result_elsewhere();
  const auto asked = co_await send_by_idle(letter, way);
  std::erase_if(names, [&](const rules::MailHost& host) { return host.name == asked; });
  if (!letter.has_open() || names.empty()) co_return letter.finish();
  auto targets = co_await finder_.find_targets(way, letter.domain(), std::move(names));
  if (auto* found = std::get_if<std::vector<rules::Target>>(&targets)) {
    co_await walk(letter, way, std::move(*found), asked.empty());
  } else if (asked.empty()) {
    letter.decide_all(std::get<rules::Unroutable>(targets));
  }
  co_return letter.finish();
}

world::Task<std::string> RemoteDelivery::send_by_idle(RemoteLetter& letter, const rules::Way& way) {
  auto connection = take_idle(terms_of(letter, way), letter.envelope());
  if (!connection) co_return std::string{};
  ++facts_.reused;
  const auto end = co_await send(letter, *connection);
  if (end) co_return std::string{};
  auto host = connection->is_usable() ? connection->host() : std::string{};
  keep(terms_of(letter, way), std::move(connection));
  co_return host;
}

void RemoteDelivery::count(const AttemptResult& result) {
  for (const auto& recipient : result.recipients) {
    if (recipient.what == RecipientResult::What::delivered) ++facts_.delivered;
    if (recipient.what == RecipientResult::What::unknown) ++facts_.ambiguous;
  }
}

world::Task<> RemoteDelivery::walk(RemoteLetter& letter, const rules::Way& way, std::vector<rules::Target> targets,
                                   bool has_first_choice) {
  memory_.put_dead_last(targets, world_.loop.now());
  // RFC 5321 §5.1: as long as a host that is preferred may answer, no message goes straight to another.
  const auto first_choice = targets.front().preference;
  rules::TargetWalk steps(std::move(targets), settings_.tries);
  while (!steps.at_end() && letter.has_open()) {
    const auto target = steps.current();
    steps.go_on(co_await try_target(letter, way, target, has_first_choice && target.preference == first_choice));
  }
}

world::Task<Ended> RemoteDelivery::try_target(RemoteLetter& letter, const rules::Way& way, rules::Target target,
                                              bool is_first_choice) {
  if (!letter.has_open_for(target.host)) co_return Ended::refused;
  // What is remembered of a host lowers no policy: another route to the same host may have required TLS.
  const bool may_be_clear = way.security.tls == smtp::RemoteTls::may;
  for (bool in_the_clear = may_be_clear && without_tls_.is_dead(target.endpoint, world_.loop.now());;) {
    auto connection = co_await connect(way, target.endpoint, target.host, in_the_clear);
    if (!connection) {
      memory_.note_dead(target.endpoint, world_.loop.now());
      letter.note_unreachable(target.host, connection.error().text);
      co_return Ended::unreachable;
    }
    memory_.note_alive(target.endpoint);
    const auto end = co_await send(letter, **connection);
    if (!end && is_first_choice) {
      keep(terms_of(letter, way), std::move(*connection));
    } else if (!end) {
      tasks_.start(say_goodbye(std::move(*connection)));
    }
    const bool tls_failed = end && is_fault_of_tls(*end);
    if (!tls_failed || !may_be_clear || in_the_clear) co_return ended_by(end);
    // RFC 7435: opportunistic encryption that does not work is no reason to keep mail back.
    world_.log.info("tls.given_up", {{"host", target.host}, {"error", end->text}});
    without_tls_.note_dead(target.endpoint, world_.loop.now());
    in_the_clear = true;
    if (!letter.has_open_for(target.host)) co_return ended_by(end);  // it said 421: another time
  }
}

world::Task<> RemoteDelivery::try_unix_socket(RemoteLetter& letter, const rules::Way& way) {
  auto connection = co_await connect(way, world::UnixPath{way.hop.unix_path}, way.hop.unix_path, true);
  if (!connection) {
    letter.note_unreachable(way.hop.unix_path, connection.error().text);
    co_return;
  }
  const auto end = co_await send(letter, **connection);
  if (!end) keep(terms_of(letter, way), std::move(*connection));
}

world::Task<Result<std::unique_ptr<OutgoingConnection>>> RemoteDelivery::connect(const rules::Way& way,
                                                                                 world::PeerAddress to,
                                                                                 std::string host, bool in_the_clear) {
  auto stream = co_await world_.network.connect(std::move(to), settings_.source,
                                                after(world_.loop.now(), settings_.connect_timeout));
  if (!stream) {
    ++facts_.failed_connections;
    co_return failure(std::move(stream.error()));
  }
  ++facts_.connections;
  auto session = std::make_shared<smtp::ClientSettings>(settings_.session);
  const bool is_lmtp = way.kind == rules::Way::Kind::hop && way.hop.protocol == rules::NextHop::Protocol::lmtp;
  session->dialect = is_lmtp ? smtp::Dialect::lmtp : smtp::Dialect::smtp;
  session->tls = in_the_clear ? smtp::RemoteTls::none : way.security.tls;
  session->authenticate = way.security.login != nullptr;
  OutgoingSettings settings{.session = std::move(session), .tls = tls_policy(way.security, host, settings_)};
  if (way.security.login) settings.credentials = {way.security.login->user, way.security.login->password.copy()};
  co_return std::make_unique<OutgoingConnection>(world_.loop, std::move(*stream), std::move(host), std::move(settings));
}

world::Task<std::optional<smtp::SessionEnd>> RemoteDelivery::send(RemoteLetter& letter,
                                                                  OutgoingConnection& connection) {
  bool in_seven_bits = false;
  while (letter.has_open_for(connection.host()) && connection.is_usable()) {
    const auto sent =
        co_await connection.send(letter.begin(connection.host(), in_seven_bits), letter.text(in_seven_bits));
    letter.keep_dialogue(connection.host(), connection.take_dialogue());
    if (!sent.end) letter.note_served();
    if (sent.done.needs_seven_bit && !in_seven_bits) {
      // RFC 6152 §3: convert, or return the message.
      const auto converted = co_await letter.convert(world_.loop);
      in_seven_bits = converted.has_value();
      if (in_seven_bits) continue;
      letter.note_inconvertible(converted.error(), connection.host());
      break;
    }
    letter.note(sent.done, connection.host());
    if (sent.end && ended_by(sent.end) == Ended::refused) letter.note_broken();
    if (sent.end) co_return sent.end;
    const bool all_tried = std::ranges::none_of(
        sent.done.outcomes, [](const smtp::Outcome& outcome) { return outcome.kind == smtp::Outcome::Kind::untried; });
    if (all_tried) break;
  }
  co_return std::nullopt;
}

RemoteDelivery::Terms RemoteDelivery::terms_of(const RemoteLetter& letter, const rules::Way& way) {
  return {letter.destination(), rules::Routing::security_key(way.security), way.security.login};
}

std::unique_ptr<OutgoingConnection> RemoteDelivery::take_idle(const Terms& terms, const mail::Envelope& envelope) {
  const auto found = std::ranges::find_if(
      idle_, [&](const Idle& idle) { return idle.terms == terms && takes(*idle.connection, envelope); });
  if (found == idle_.end()) return nullptr;
  auto connection = std::move(found->connection);
  idle_.erase(found);
  return connection;
}

void RemoteDelivery::keep(Terms terms, std::unique_ptr<OutgoingConnection> connection) {
  const bool has_room = idle_.size() < settings_.idle_connections;
  if (!has_room || !connection->is_usable() || connection->messages() >= settings_.messages_per_connection) {
    tasks_.start(say_goodbye(std::move(connection)));
    return;
  }
  idle_.push_back({std::move(terms), std::move(connection), after(world_.loop.now(), settings_.idle_time)});
  if (!std::exchange(retires_, true)) tasks_.start(retire_idle());
}

world::Task<> RemoteDelivery::retire_idle() {
  while (!idle_.empty()) {
    co_await world::sleep_until(world_.loop, idle_.front().until);
    while (!idle_.empty() && idle_.front().until <= world_.loop.now()) {
      auto connection = std::move(idle_.front().connection);
      idle_.pop_front();
      tasks_.start(say_goodbye(std::move(connection)));
    }
  }
  retires_ = false;
}

world::Task<> RemoteDelivery::say_goodbye(std::unique_ptr<OutgoingConnection> connection) {
  co_await connection->quit();
}

}  // namespace posthorn::service
