// How the supervisor starts its children, listens to them, and watches over them.
#include "cli/engine_orders.hpp"
#include "cli/supervisor.hpp"
#include "system/forked_workers.hpp"
#include "system/keys_wire.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr Duration certificate_watch = std::chrono::seconds{1};
constexpr Duration day = std::chrono::hours{24};
constexpr std::int64_t expiry_warning_seconds = std::int64_t{14} * 24 * 60 * 60;
constexpr Duration watchdog_limit = std::chrono::minutes{1};
constexpr Duration watchdog_look = std::chrono::seconds{2};

}  // namespace

Result<Supervisor::ChildPointer> Supervisor::adopt(system::RoleProcess process) {
  auto channel = system::WatchedChannel::make(*loop_, std::move(process.channel));
  if (!channel) return failure(std::move(channel.error()));
  return std::make_shared<Child>(
      Child{.pid = process.pid, .channel = std::move(*channel), .ready = false, .last_sign = loop_->now()});
}

Result<> Supervisor::start_engine() {
  engine_patience_.started = loop_->now();
  auto process = children_->start_engine();
  if (!process) return failure(std::move(process.error()));
  auto engine = adopt(std::move(*process));
  if (!engine) return failure(std::move(engine.error()));
  engine_ = std::move(*engine);
  events_->engine_ended.clear();
  tasks_.start(listen_to_engine(engine_));
  // An engine that ends while it is being equipped says so itself; its end is seen as every end is.
  const auto* const deliver = deliver_ ? deliver_->channel.get() : nullptr;
  static_cast<void>(children_->equip_engine(*engine_->channel, *keys_->channel, deliver));
  return {};
}

Result<> Supervisor::start_keys() {
  keys_patience_.started = loop_->now();
  auto process = children_->start_keys();
  if (!process) return failure(std::move(process.error()));
  auto keys = adopt(std::move(*process));
  if (!keys) return failure(std::move(keys.error()));
  keys_ = std::move(*keys);
  tasks_.start(listen_to_keys(keys_));
  if (auto sent = children_->send_accounts(*keys_->channel); !sent) return sent;
  read_certificates_again();
  if (helper_) return Children::connect_helper(*keys_->channel, *helper_->channel);
  return {};
}

Result<> Supervisor::start_helper() {
  helper_patience_.started = loop_->now();
  auto process = children_->start_helper();
  if (!process) return failure(std::move(process.error()));
  auto helper = adopt(std::move(*process));
  if (!helper) return failure(std::move(helper.error()));
  helper_ = std::move(*helper);
  tasks_.start(listen_to(helper_));
  if (!keys_) return {};
  return Children::connect_helper(*keys_->channel, *helper_->channel);
}

Result<> Supervisor::start_deliver() {
  deliver_patience_.started = loop_->now();
  auto process = children_->start_deliver();
  if (!process) return failure(std::move(process.error()));
  auto deliver = adopt(std::move(*process));
  if (!deliver) return failure(std::move(deliver.error()));
  deliver_ = std::move(*deliver);
  tasks_.start(listen_to(deliver_));
  if (!engine_) return {};
  return Children::connect_deliver(*engine_->channel, *deliver_->channel);
}

world::Task<> Supervisor::start_again(Patience& patience, Start start, std::string_view failed) {
  while (!co_await events_->end.wait(after(loop_->now(), patience.next(loop_->now())))) {
    const auto started = (this->*start)();
    if (started) co_return;
    children_->log().error(failed, {{"error", started.error().text}});
  }
}

/// It needs the keys process; while that is away it waits for it.
world::Task<> Supervisor::start_engine_again() {
  while (!co_await events_->end.wait(after(loop_->now(), engine_patience_.next(loop_->now())))) {
    if (!keys_ || !keys_->ready) continue;
    const auto started = start_engine();
    if (started) co_return;
    children_->log().error("engine.not_started", {{"error", started.error().text}});
  }
}

world::Task<> Supervisor::start_log_again() {
  while (!co_await events_->end.wait(after(loop_->now(), log_patience_.next(loop_->now())))) {
    log_patience_.started = loop_->now();
    if (!children_->start_log()) continue;
    children_->log().error("log.ended", {{"error", "the log process had ended; lines were lost"}});
    if (engine_) static_cast<void>(children_->give_log(*engine_->channel));
    co_return;
  }
}

world::Task<> Supervisor::listen_to_engine(ChildPointer engine) {
  for (;;) {
    const auto packet = co_await engine->channel->next();
    if (!packet) co_return;
    engine->last_sign = loop_->now();
    if (packet->kind == number_of(EnginePacket::ready)) {
      engine->ready = true;
      on_engine_ready(shown_line(packet->payload));
    }
    if (packet->kind == number_of(EnginePacket::reloaded)) manager_.tell_ready(where_);
    if (packet->kind == number_of(EnginePacket::users_wanted)) read_users_again();
  }
}

/// The line is what scripts wait for; it comes once.
void Supervisor::on_engine_ready(const std::string& where) {
  where_ = where;
  if (!was_ready_) console_.remark("posthorn ready {}\n", where);
  was_ready_ = true;
  manager_.tell_ready(where);
}

world::Task<> Supervisor::listen_to_keys(ChildPointer keys) {
  for (;;) {
    auto packet = co_await keys->channel->next();
    if (!packet) co_return;
    keys->last_sign = loop_->now();
    const auto kind = static_cast<system::KeysPacket>(packet->kind);
    if (kind == system::KeysPacket::alive) keys->is_asked = false;
    if (kind == system::KeysPacket::loaded) on_keys_loaded(*keys, packet->payload);
    if (kind == system::KeysPacket::users_gone) read_users_again();
    if (kind == system::KeysPacket::users_read || kind == system::KeysPacket::fault) on_names_read(std::move(*packet));
  }
}

/// A file that cannot be read keeps what was known.
void Supervisor::on_names_read(system::ControlPacket packet) {
  const auto taken = children_->take_names(std::move(packet));
  if (!taken) {
    children_->log().error(
        "directory.unreadable",
        {{"error", taken.error().text}, {"what_to_do", "mend the file; until then the directory stays as it was"}});
  } else if (engine_) {
    static_cast<void>(children_->give_names(*engine_->channel));
  }
}

void Supervisor::read_users_again() {
  if (!keys_ || !children_->users_have_changed()) return;
  const auto sent = children_->send_users(*keys_->channel);
  const auto fault = sent ? std::string{} : sent.error().text;
  if (!fault.empty() && fault != last_users_fault_) {
    children_->log().error(
        "directory.unreadable",
        {{"error", fault}, {"what_to_do", "mend the file; until then the directory stays as it was"}});
  }
  last_users_fault_ = fault;
}

void Supervisor::on_keys_loaded(Child& keys, std::string_view payload) {
  auto loaded = system::decode_loaded_keys(payload);
  auto fault = loaded ? shown_line(loaded->fault) : loaded.error().text;
  if (!fault.empty()) return tell_fault(std::move(fault));
  last_fault_.clear();
  expiries_ = std::move(loaded->expiries);
  warn_of_expiry();
  const bool is_new = !std::exchange(keys.ready, true);
  children_->log().info("tls.read", {});
  if (!engine_) return;
  if (is_new) static_cast<void>(Children::connect(*engine_->channel, *keys.channel));
  static_cast<void>(engine_->channel->send(number_of(EnginePacket::certificates)));
}

/// FAULTS F30: what was there stays.
void Supervisor::tell_fault(std::string fault) {
  if (fault == last_fault_) return;
  children_->log().error("tls.unreadable",
                         {{"error", fault}, {"what_to_do", "mend the file; until then the old certificate is shown"}});
  last_fault_ = std::move(fault);
}

void Supervisor::read_certificates_again() {
  if (!keys_) return;
  if (auto sent = children_->send_certificates(*keys_->channel); !sent) tell_fault(std::move(sent.error().text));
}

world::Task<> Supervisor::watch_certificates() {
  while (!co_await events_->end.wait(after(loop_->now(), certificate_watch))) {
    if (children_->certificates_have_changed()) read_certificates_again();
    read_users_again();
    if (loop_->now() - warned_of_expiry_ >= day) warn_of_expiry();
  }
}

void Supervisor::warn_of_expiry() {
  warned_of_expiry_ = loop_->now();
  const auto now = std::chrono::floor<std::chrono::seconds>(loop_->clock().wall().time_since_epoch()).count();
  for (const auto& [certificate, when] : expiries_) {
    if (when - now > expiry_warning_seconds) continue;
    const auto days = (when - now) / (24 * 60 * 60);
    const auto text = when <= now ? std::string{"the certificate has expired"}
                                  : "the certificate expires in " + std::to_string(days) + " days";
    children_->log().warning("tls.expires", {{"error", text},
                                             {"file", shown_line(certificate)},
                                             {"what_to_do", "put a new one in its place; it is read by itself"}});
  }
}

/// FAULTS F28.
world::Task<> Supervisor::watch_children() {
  while (!co_await events_->end.wait(after(loop_->now(), watchdog_look))) {
    end_if_stuck(engine_.get(), "engine.stuck", "the engine");
    end_if_stuck(keys_.get(), "keys.stuck", "the keys process");
    end_if_stuck(helper_.get(), "auth.stuck", "the process that asks PAM and Dovecot");
    end_if_stuck(deliver_.get(), "deliver.stuck", "the process that writes users' mail");
    ask(keys_.get(), static_cast<std::uint16_t>(system::KeysPacket::alive));
    ask(helper_.get(), static_cast<std::uint16_t>(system::KeysPacket::alive));
    ask(deliver_.get(), static_cast<std::uint16_t>(system::WorkPacket::alive));
    manager_.tell_alive();
  }
}

/// One question at a time: who does not read must not be written to.
void Supervisor::ask(Child* child, std::uint16_t kind) {
  if (child == nullptr || std::exchange(child->is_asked, true)) return;
  child->last_sign = loop_->now();
  static_cast<void>(child->channel->send(kind));
}

void Supervisor::end_if_stuck(Child* child, const char* event, const std::string& name) {
  if (child == nullptr || loop_->now() - child->last_sign <= watchdog_limit) return;
  children_->log().error(event, {{"error", name + " has made no progress for too long"},
                                 {"what_to_do", "nothing: it is killed and started again"}});
  system::kill_process(child->pid);
  child->last_sign = loop_->now();
}

/// The answer is all that is waited for.
world::Task<> Supervisor::listen_to(ChildPointer child) {
  while (co_await child->channel->next()) {
    child->last_sign = loop_->now();
    child->is_asked = false;
  }
}

}  // namespace posthorn::cli
