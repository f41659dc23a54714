#include "cli/supervisor.hpp"

#include "cli/confinement.hpp"
#include "cli/engine_orders.hpp"
#include "cli/listener_order.hpp"
#include "config/document.hpp"
#include "config/restart.hpp"
#include "system/process.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr Duration first_wait = std::chrono::milliseconds{100};
constexpr Duration longest_wait = std::chrono::seconds{30};
constexpr Duration calm = std::chrono::minutes{1};  // a child that lived so long is not dying again and again
constexpr Duration after_shutdown = std::chrono::seconds{2};

/// Why a new configuration cannot come into force while the server runs; empty: it can.
std::vector<std::string> needs_restart(const config::Configuration& before, const config::Configuration& now) {
  std::vector<std::string> reasons;
  for (const auto path : config::changed_until_restart(before, now)) {
    reasons.push_back(std::string{path} + " cannot change while the server runs");
  }
  std::string text;
  for (const auto& need : beyond_confinement(before, now)) {
    text += (text.empty() ? "the sandbox of the running server does not allow " : ", nor ") + need;
  }
  if (!text.empty()) reasons.push_back(std::move(text));
  return reasons;
}

/// Where each [[listener]] stands in the file.
std::vector<config::Place> places_of_listeners(std::string_view text) {
  const auto document = config::parse_document(text);
  std::vector<config::Place> places;
  if (!document) return places;
  for (const auto& entry : std::get<config::Table>(document->content)) {
    const auto* tables = entry.key == "listener" ? std::get_if<config::Array>(&entry.value.content) : nullptr;
    if (tables == nullptr) continue;
    for (const auto& table : *tables) places.push_back(table.place);
  }
  return places;
}

/// With the line of the file where a listener stands there.
std::vector<std::string> reasons_of(const std::vector<ListenerMismatch>& mismatches, const ConfigurationText& text) {
  const auto places = places_of_listeners(text.text);
  std::vector<std::string> reasons;
  for (const auto& [place, what] : mismatches) {
    const bool has_line = place && *place < places.size();
    reasons.push_back(has_line ? text.path + ":" + std::to_string(places[*place].line) + ": " + what : what);
  }
  return reasons;
}

}  // namespace

Supervisor::~Supervisor() = default;

ExitStatus Supervisor::run() {
  system::prepare_signals();
  auto text = read_configuration_text(options_.configuration);
  auto loaded =
      text ? parse_configuration(*text, options_.overrides) : LoadedConfiguration{std::unexpected(text.error())};
  if (!loaded) {
    for (const auto& line : loaded.error().lines) console_.complain("{}", line);
    return loaded.error().status;
  }
  if (const auto limit = system::raise_descriptor_limit(); !limit) return refuse(start_failure(limit.error()));
  children_ = std::make_unique<Children>(options_, std::move(*text), std::move(*loaded));
  if (const auto done = children_->set_up(); !done) return refuse(done.error());
  auto loop = system::EventLoop::make(children_->clock());
  if (!loop) return refuse(start_failure(std::move(loop.error())));
  loop_ = std::move(*loop);
  events_ = std::make_unique<Events>(*loop_);
  const auto status = system::run_to_end(*loop_, live());
  children_->end_log();
  return status;
}

ExitStatus Supervisor::refuse(const StartFailure& failure) {
  console_.complain("{}", failure.error.text);
  return failure.status;
}

world::Task<ExitStatus> Supervisor::live() {
  auto signals = system::SignalWatch::make(*loop_);
  if (!signals) co_return refuse(start_failure(std::move(signals.error())));
  signals_ = std::move(*signals);
  tasks_.start(obey(*signals_));
  auto keys = adopt(children_->take_keys());
  if (!keys) co_return refuse(start_failure(std::move(keys.error())));
  keys_ = std::move(*keys);
  keys_->ready = true;
  keys_patience_.started = loop_->now();
  tasks_.start(listen_to_keys(keys_));
  expiries_ = children_->first_expiries();
  warn_of_expiry();
  if (children_->needs_helper()) {
    if (auto started = start_helper(); !started) co_return refuse(start_failure(std::move(started.error())));
  }
  if (children_->needs_deliver()) {
    if (auto started = start_deliver(); !started) co_return refuse(start_failure(std::move(started.error())));
  }
  if (auto started = start_engine(); !started) co_return refuse(start_failure(std::move(started.error())));
  tasks_.start(watch_children());
  tasks_.start(watch_certificates());
  co_await events_->end.wait(never);
  co_await stop_engine();
  co_return status_;
}

/// New connections are refused from the moment the engine closes its sockets: ours are closed first.
world::Task<> Supervisor::stop_engine() {
  manager_.tell_stopping();
  children_->close_listeners();
  if (!engine_) co_return;
  static_cast<void>(engine_->channel->send(number_of(EnginePacket::stop)));
  const auto limit = children_->configuration().limits.shutdown + after_shutdown;
  if (co_await events_->engine_ended.wait(after(loop_->now(), limit))) co_return;
  children_->log().error("engine.did_not_end", {{"what_to_do", "nothing: what it had accepted is in the spool"}});
  system::kill_process(engine_->pid);
  status_ = ExitStatus::temporary;
  co_await events_->engine_ended.wait(after(loop_->now(), after_shutdown));
}

world::Task<> Supervisor::obey(system::SignalWatch& signals) {
  while (true) {
    const auto signal = co_await signals.next();
    if (!signal) co_return;
    switch (*signal) {
      case system::Signal::stop:
      case system::Signal::interrupt:
        events_->end.set();
        break;
      case system::Signal::reload:
        reload();
        break;
      case system::Signal::child:
        reap();
        break;
    }
  }
}

void Supervisor::reap() {
  while (const auto ended = system::take_ended_child()) {
    if (engine_ && ended->pid == engine_->pid) {
      on_engine_ended(*ended);
    } else if (keys_ && ended->pid == keys_->pid) {
      keys_->channel->close();
      keys_.reset();
      children_->log().error("keys.ended", {{"error", "the keys process " + ended->to_text()},
                                            {"what_to_do", "nothing: it is started again"}});
      tasks_.start(start_again(keys_patience_, &Supervisor::start_keys, "keys.not_started"));
    } else if (helper_ && ended->pid == helper_->pid) {
      helper_->channel->close();
      helper_.reset();
      children_->log().error("auth.ended", {{"error", "the process that asks PAM and Dovecot " + ended->to_text()},
                                            {"what_to_do", "nothing: it is started again"}});
      tasks_.start(start_again(helper_patience_, &Supervisor::start_helper, "auth.not_started"));
    } else if (deliver_ && ended->pid == deliver_->pid) {
      deliver_->channel->close();
      deliver_.reset();
      children_->log().error("deliver.ended",
                             {{"error", "the process that writes users' mail " + ended->to_text()},
                              {"what_to_do", "nothing: it is started again, and mail is in the spool"}});
      tasks_.start(start_again(deliver_patience_, &Supervisor::start_deliver, "deliver.not_started"));
    } else if (ended->pid == children_->log_pid()) {
      tasks_.start(start_log_again());
    }
  }
}

/// Before it was ever ready, its end is ours: it has said why. Later it is started again.
void Supervisor::on_engine_ended(const system::EndedChild& ended) {
  engine_->channel->close();
  engine_.reset();
  events_->engine_ended.set();
  if (events_->end.is_set()) {
    if (status_ == ExitStatus::ok) status_ = static_cast<ExitStatus>(ended.exit_status());
    return;
  }
  if (!was_ready_) {
    if (ended.was_killed()) console_.complain("the engine {} before it was ready", ended.to_text());
    status_ = static_cast<ExitStatus>(ended.exit_status());
    events_->end.set();
    return;
  }
  children_->log().error("engine.ended", {{"error", "the engine " + ended.to_text()},
                                          {"what_to_do", "nothing: it is started again, and mail is in the spool"}});
  tasks_.start(start_engine_again());
}

/// FAULTS F29: a bad file keeps what is in force.
void Supervisor::reload() {
  manager_.tell_reloading(loop_->now());
  auto text = read_configuration_text(options_.configuration);
  auto loaded =
      text ? parse_configuration(*text, options_.overrides) : LoadedConfiguration{std::unexpected(text.error())};
  if (loaded) {
    take_new_configuration({.text = std::move(*text)}, std::move(*loaded));
  } else {
    for (const auto& line : loaded.error().lines) {
      children_->log().error("configuration.refused",
                             {{"error", line}, {"what_to_do", "mend the file; until then nothing changes"}});
    }
  }
  if (!loaded || !engine_) manager_.tell_ready(where_);
}

/// Everything that serves a socket counts in the order in which they were bound, and so does the new configuration.
bool Supervisor::fit_to_sockets(ServedConfiguration& served, config::Configuration& configuration) {
  auto order = find_listener_order(children_->configuration().listeners, configuration.listeners);
  auto reasons = order ? std::vector<std::string>{} : reasons_of(order.error(), served.text);
  for (auto& reason : needs_restart(children_->configuration(), configuration)) reasons.push_back(std::move(reason));
  for (const auto& reason : reasons) {
    children_->log().error("configuration.needs_restart",
                           {{"error", reason}, {"what_to_do", "restart the server; until then nothing changes"}});
  }
  if (!reasons.empty()) return false;
  served.listener_order = std::move(*order);
  return arrange_listeners(configuration.listeners, served.listener_order);
}

void Supervisor::take_new_configuration(ServedConfiguration served, config::Configuration configuration) {
  if (!fit_to_sockets(served, configuration)) {
    manager_.tell_ready(where_);
    return;
  }
  if (auto changed = children_->change_configuration(std::move(served), std::move(configuration)); !changed) {
    children_->log().error("configuration.refused", {{"error", changed.error().text},
                                                     {"what_to_do", "mend the file; until then nothing changes"}});
    manager_.tell_ready(where_);
    return;
  }
  if (auto started = children_->start_log(); !started) {
    // Its own account may be able to do what we, who have given up the right to write anywhere, may not.
    children_->log().reopen();
    children_->log().error("log.reopened_by_its_process", {{"error", started.error().text}});
  }
  read_certificates_again();
  if (keys_) static_cast<void>(children_->send_accounts(*keys_->channel));
  if (!engine_) return;
  static_cast<void>(children_->give_log(*engine_->channel));
  static_cast<void>(children_->give_configuration(*engine_->channel, false));
}

Duration Supervisor::Patience::next(MonotonicTime now) {
  if (now - started > calm) wait = {};
  wait = std::clamp<Duration>(2 * wait, first_wait, longest_wait);
  return wait;
}

}  // namespace posthorn::cli
