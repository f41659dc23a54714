#include "proof/simulated_run.hpp"

#include "proof/model_client.hpp"
#include "world/wait.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_stop = 10s;  // FAULTS F31
constexpr Duration start_again = 3s;    // what a supervisor waits when a start was refused
constexpr Duration between_looks = 20s;
constexpr std::uint64_t between_checks = 64;       // events
constexpr std::uint64_t between_weighings = 4096;  // events
constexpr Duration longest_oversleep = 1s;
constexpr Duration longest_hidden = 1s;
constexpr std::size_t most_heap = 64U << 20;  // octets for one run, its disk and models included
constexpr const char* spool_folder = "/state/spool";
constexpr const char* away_folder = "/state/away";
constexpr const char* made_marker = "/state/spool.identity";

std::shared_ptr<const rules::Directory> make_directory() {
  rules::Directory::Parts parts{.domains = {our_domain}};
  for (const auto name : our_users) parts.users.push_back(*mail::UserName::parse(name));
  return std::make_shared<const rules::Directory>(std::move(parts));
}

std::shared_ptr<const service::Policy> make_policy(const Plan& plan) {
  auto policy = std::make_shared<service::Policy>();
  policy->reception.hostname = our_hostname;
  policy->reception.message.octets = plan.message_octets;
  policy->reception.message.received_fields = plan.received_fields;
  policy->reception.inline_octets = plan.inline_octets;
  policy->reception.commit_timeout = plan.commit_timeout;
  for (const auto role : {rules::ListenerRole::mx, rules::ListenerRole::relay, rules::ListenerRole::submission}) {
    auto session = std::make_shared<smtp::ServerSettings>();
    session->hostname = our_hostname;
    session->message_octets = plan.message_octets;
    session->starttls = true;
    if (role == rules::ListenerRole::submission) {
      session->require_authentication = true;
      session->auth_mechanisms = {{.name = "PLAIN", .needs_encryption = false}};
    }
    session->postmaster = *mail::Address::parse(fmt::format("postmaster@{}", our_domain));
    policy->listeners.push_back({.name = "simulated", .role = role, .session = std::move(session)});
  }
  return policy;
}

}  // namespace

SimulatedRun::SimulatedRun(const Plan& plan, Trace::Show show)
    : plan_(plan),
      loop_(plan.seed),
      trace_(loop_, std::move(show)),
      ledger_(plan_, loop_),
      model_random_(plan.seed ^ 0x6d6f64656cULL),
      network_random_(plan.seed ^ 0x6e6574ULL),
      crash_random_(plan.seed ^ 0x637261ULL),
      disk_(plan.disk, &loop_.clock()),
      network_(loop_, network_random_, plan.network),
      log_(trace_, disk_, [this](const world::LogRecord& record) { read_log(record); }),
      resolver_(loop_, model_random_, plan_, trace_, ledger_),
      models_{loop_, network_, model_random_, plan_, ledger_, trace_},
      users_(models_, disk_, Machine::mail_root),
      authenticator_(models_),
      operator_(models_) {
  outcome_.seed = plan.seed;
  heap_before_ = heap_in_use();
  loop_.clock().drift_wall(plan.clock_drift);
  disk_.plant_folder(Machine::mail_root, 0755);
  disk_.plant_folder(Machine::state_folder, 0700);
  disk_.on_operation([this](const sim::DiskEvent& event) {
    trace_.note(Trace::disk, to_text(event.operation), event.path, event.detail);
  });
  for (std::size_t domain = 0; domain < std::size(served_domains); ++domain) {
    for (std::size_t server = 0; server < 2; ++server) {
      servers_.push_back(std::make_unique<ModelServer>(models_, ModelResolver::server_of(domain, server),
                                                       served_domains[domain], served_domains[domain] == home_domain));
    }
  }
}

Outcome SimulatedRun::run() {
  trace_.note("plan", describe(plan_));
  start_machine();
  send_letters();
  schedule_trouble();
  if (plan_.reloads) reload();
  do {
    is_done_ = false;
    look_whether_done();
    step_until_over();
  } while (ledger_.violations().empty() && !is_surveyed_ && !finish());
  outcome_.violations = ledger_.violations();
  outcome_.trace_hash = trace_.hash();
  outcome_.events = loop_.events_run();
  outcome_.disk_operations = disk_.operations();
  outcome_.accepted = ledger_.accepted();
  outcome_.copies = ledger_.copies();
  outcome_.reports = ledger_.reports();
  outcome_.virtual_time = loop_.now().time_since_epoch();
  return outcome_;
}

void SimulatedRun::step_until_over() {
  while (!is_done_ && ledger_.violations().empty() && loop_.step()) {
    after_each_event();
    if (loop_.events_run() % between_checks == 0) check_bounds();
    if (loop_.events_run() % between_weighings == 0) check_heap();
  }
}

// ---- the story ----

void SimulatedRun::send_letters() {
  clients_ = plan_.letters.size();
  for (const auto& letter : plan_.letters) tasks_.start(send(letter));
}

void SimulatedRun::schedule_trouble() {
  const auto at = [this](Duration when, world::Callback what) {
    schedule(after(MonotonicTime{}, when), std::move(what));
  };
  for (const auto when : plan_.clock_jumps_at) {
    at(when, [this] {
      const auto hours = static_cast<std::int64_t>(model_random_.below(200'000)) - 100'000;
      trace_.note("clock", fmt::format("jumps by {} hours", hours));
      loop_.clock().jump_wall(std::chrono::hours{hours});
    });
  }
  for (const auto& action : plan_.actions) {
    at(action.at, [this, order = action.order] {
      if (is_serving()) machine_->run(operator_.give(machine_->server(), order));
    });
  }
  for (const auto when : plan_.rot_at) at(when, [this] { rot(); });
  for (const auto& absence : plan_.absences) {
    at(absence.at, [this, length = absence.length] { take_spool_away(length); });
  }
  at(plan_.trouble, [this] { end_trouble(); });
}

/// None of a segment without a record.
std::size_t SimulatedRun::written_octets(const std::string& path) const {
  constexpr std::size_t header_octets = 1024;
  const auto octets = disk_.contents(path).value_or("");
  const auto last = octets.find_last_not_of('\0');
  const bool is_empty = last == std::string::npos || (path.contains("/segment-") && last < header_octets);
  return is_empty ? 0 : last + 1;
}

/// FAULTS F7, F9: one octet of a segment or a body turns, on the platter and in every cache; when there is mail to be hit.
void SimulatedRun::rot() {
  if (has_healed_) return;
  if (!is_serving() || machine_->server().spool().facts().messages == 0) {
    schedule(after(loop_.now(), plan_.trouble / 64), [this] { rot(); });
    return;
  }
  auto paths = disk_.tree(spool_folder);
  std::erase_if(paths, [](const std::string& path) {
    return path.ends_with('/') || (!path.contains("/segment-") && !path.contains("/bodies/"));
  });
  // What was written, and most of it: the rest of a segment is empty.
  std::erase_if(paths, [this](const std::string& path) { return written_octets(path) == 0; });
  if (paths.empty()) return;
  const auto& path = paths.at(model_random_.below(paths.size()));
  const auto octets = disk_.contents(path).value_or("");
  const auto place = model_random_.below(written_octets(path));
  const char turned = static_cast<char>(octets[place] ^ (1 << model_random_.below(8)));
  trace_.note("world", fmt::format("octet {} of {} rots", place, path));
  ledger_.spool_rotted();
  static_cast<void>(disk_.corrupt(path, place, std::string(1, turned)));
}

void SimulatedRun::take_spool_away(Duration length) {
  // One that the power cut left half made was never in use: another may be made.
  if (!disk_.contents(made_marker) || !disk_.move(spool_folder, away_folder)) return;
  trace_.note("world", "the spool is not there");
  schedule(after(loop_.now(), length), [this] { bring_spool_back(); });
}

void SimulatedRun::bring_spool_back() {
  if (disk_.tree(away_folder).empty()) return;
  if (!disk_.tree(spool_folder).empty()) ledger_.violate("F12", "a spool was made although the old one was only away");
  trace_.note("world", "the spool is there again");
  static_cast<void>(disk_.move(away_folder, spool_folder));
}

world::Task<> SimulatedRun::send(const PlannedLetter& letter) {
  co_await world::sleep_until(loop_, after(MonotonicTime{}, letter.at));
  ++connected_;
  ModelClient client(models_, letter);
  const auto& door = letter.door == Door::relay ? Machine::relay : Machine::mx;
  co_await client.run(letter.door == Door::submission ? Machine::submission : door);
  --clients_;
  --connected_;
}

void SimulatedRun::end_trouble() {
  trace_.note("world", "the trouble ends");
  has_healed_ = true;
  healed_at_ = loop_.now();
  disk_.set_odds({});
  disk_.forget_plan();
  if (!plan_.cuts_to_the_end) {
    disk_.cut_power_at(0);
    pending_.reset();
  }
  network_.settings().cut_per_million = 0;
  for (auto& server : servers_) server->calm_down();
  resolver_.calm_down();
  bring_spool_back();
  // I27: everything that is still there comes to its end within a few of the longest waits.
  schedule(after(loop_.now(), 8 * plan_.longest_wait() + 40min), [this] {
    ledger_.violate("I27", "the queue is not at rest long after the trouble ended: " + what_waits());
  });
}

/// For people.
std::string SimulatedRun::what_waits() {
  if (!is_serving()) return "the server is not there";
  auto& queue = machine_->server().queue();
  auto text = fmt::format("{} clients, {} local and {} remote entries, attempts under way: {}", clients_,
                          queue.local_plan().size(), queue.remote_plan().size(), !queue.idle().is_set());
  for (const auto& message : machine_->server().spool().live_after({}, 3)) {
    text += fmt::format("; {}:", message.id.to_string());
    for (const auto& one : message.recipients)
      text += fmt::format(" {}{}", static_cast<int>(one.status), one.report_due ? "!" : "");
    for (const auto* plan : {&queue.local_plan(), &queue.remote_plan()}) {
      for (const auto& id : plan->entries_of(message.id)) {
        const auto entry = *plan->find(id);
        text += fmt::format(
            ", group {} is in state {} since {} ago, due in {}", id.group, static_cast<int>(entry.state),
            to_text(loop_.now() - std::max(entry.since, MonotonicTime{})), to_text(entry.due - loop_.now()));
      }
    }
  }
  return text;
}

/// The administrator reloads again and again; sessions under way keep what they began with.
void SimulatedRun::reload() {
  if (has_healed_) return;
  if (machine_ && start_noted_ && !is_stopping_) {
    trace_.note("world", "the configuration is read again");
    machine_->server().reload(make_policy(plan_), {});
  }
  schedule(after(loop_.now(), plan_.trouble / 5), [this] { reload(); });
}

void SimulatedRun::look_whether_done() {
  users_.visit();
  const bool is_at_rest = has_healed_ && clients_ == 0 && machine_ && machine_->has_started() && !is_stopping_;
  if (is_at_rest && machine_->server().spool().facts().messages == 0 && machine_->server().queue().idle().is_set()) {
    // What a disk did not give at the start is there, and waits for the next.
    const bool is_partial = ledger_.alarms() != alarms_before_ && !ledger_.is_rotten();
    if (is_partial) {
      crash_now(CrashKind::orderly_stop);
    } else {
      check_counters();
      is_done_ = true;
      return;
    }
  }
  if (has_healed_ && is_serving() && !plan_.actions.empty()) machine_->run(operator_.release_all(machine_->server()));
  const auto pause = has_healed_ ? between_looks : std::clamp<Duration>(plan_.trouble / 64, between_looks, 1h);
  schedule(after(loop_.now(), pause), [this] { look_whether_done(); });
}

/// I26: what came in went out, by the server's own count.
void SimulatedRun::check_counters() {
  const auto& facts = machine_->server().queue().facts();
  const auto in = facts.accepted + facts.recovered;
  const auto out = facts.delivered + facts.bounced + facts.removed;
  if (in == out || ledger_.is_rotten()) return;
  // An operator may end a message while the slow disk has not told the server yet that it came in.
  const bool may_be_overtaken = !plan_.actions.empty() && plan_.disk.odds.slow != 0;
  if (may_be_overtaken && out > in) return;
  ledger_.violate("I26", fmt::format("{} recipients came in by the server's count, and {} went out", in, out));
}

/// I28: where something is due, an event that starts it is pending.
void SimulatedRun::check_wake_up() {
  const auto now = loop_.now();
  const auto& queue = machine_->server().queue();
  if (std::min(queue.local_plan().next_wakeup(), queue.remote_plan().next_wakeup()) > now) {
    due_since_ = never;
  } else if (due_since_ == never) {
    due_since_ = now;
  } else if (now > after(due_since_, longest_oversleep)) {
    ledger_.violate("I28", fmt::format("what is due in the queue since {} is not begun: {}", to_text(now - due_since_),
                                       what_waits()));
  }
}

/// I14.
void SimulatedRun::check_bounds() {
  if (!is_serving()) return;
  const auto spool = machine_->server().spool().facts();
  const auto& queue = machine_->server().queue();
  const Holding holding{.handles = disk_.open_handles(),
                        .callbacks = machine_->callbacks_waiting(),
                        .jobs = machine_->jobs_waiting(),
                        .entries = queue.local_plan().size() + queue.remote_plan().size(),
                        .segments = spool.segments - spool.failed_segments};
  const WorkAtHand work{
      .clients = connected_, .messages = spool.messages, .recipients = spool.queued_recipients + spool.held_recipients};
  if (const auto over = over_bounds(holding, work)) ledger_.violate("I14", *over);
}

void SimulatedRun::check_heap() {
  const auto heap = heap_in_use();
  if (heap > heap_before_ + most_heap)
    ledger_.violate("I14", fmt::format("{} octets of the heap are in use", heap - heap_before_));
}

/// F31: a client with nothing under way, who hears that the server ends.
world::Task<> SimulatedRun::linger() {
  is_greeted_ = is_gone_ = false;
  auto stream = co_await network_.connect(Machine::mx, {}, after(loop_.now(), 1min));
  std::string heard;
  while (stream) {
    const auto octets = co_await (*stream)->read(after(loop_.now(), 1min));
    if (!octets || octets->empty()) break;
    heard += *octets;
    is_greeted_ = is_greeted_ || heard.ends_with("\r\n");
  }
  if (is_finishing_ && !heard.contains("421 "))
    ledger_.violate("F31", "who waited was not told that the server ends: " + heard);
  is_gone_ = true;
}

/// An end in order, in time, with nothing left behind. False: the power was cut before.
bool SimulatedRun::finish() {
  is_finishing_ = true;
  tasks_.start(linger());
  while (!is_greeted_ && !is_gone_ && ledger_.violations().empty() && loop_.step()) after_each_event();
  if (is_finishing_) crash_now(CrashKind::orderly_stop);
  while (is_finishing_ && (machine_ || !is_gone_) && ledger_.violations().empty() && loop_.step()) after_each_event();
  if (!is_finishing_) return is_surveyed_;
  if (disk_.open_handles() != 0) {
    ledger_.violate("I29", fmt::format("{} files are still open after the end", disk_.open_handles()));
  }
  // A body whose removal failed is left to the next start (store/body_files.hpp).
  const bool removals_failed =
      plan_.disk.odds.name_error != 0 || plan_.disk.odds.read_error != 0 || ledger_.is_rotten();
  for (const auto& path : disk_.tree(fmt::format("{}/spool/bodies", Machine::state_folder))) {
    if (removals_failed) break;
    ledger_.violate("I29", path + " is left behind although the queue is empty");
  }
  check_heap();
  users_.look_at_all();
  ledger_.check();
  return true;
}

// ---- the server's lives ----

MachineSettings SimulatedRun::machine_settings() const {
  MachineSettings settings{.server = {.policy = make_policy(plan_), .limits = {}},
                           .directory = make_directory(),
                           .longest_job_wait = plan_.longest_job_wait,
                           .process = static_cast<std::uint32_t>(4000 + outcome_.lives)};
  auto& spool = settings.server.spool;
  spool.state_folder = Machine::state_folder;
  spool.host_identity = "simulated";
  spool.segment_octets = plan_.segment_octets;
  spool.block_octets = 512;
  spool.reserve_octets = std::uint64_t{3} * plan_.segment_octets;
  spool.spare_segments = 1;
  spool.keep_segments = 3;
  spool.body_block_octets = 512;
  spool.largest_message = plan_.message_octets;
  spool.look_interval = plan_.look_interval;
  settings.server.directory_watch = plan_.look_interval;
  settings.server.login.guard.entries = 256;
  auto& queue = settings.server.queue;
  queue.retry.waits = plan_.waits;
  queue.retry.expire = plan_.expire;
  queue.remote.first_window = std::min(queue.remote.first_window, plan_.window);
  queue.remote.largest_window = plan_.window;
  settings.server.reporter = {.bounce = {.warn = plan_.warn,
                                         .expire = plan_.expire,
                                         .postmaster = *mail::Address::parse(fmt::format("postmaster@{}", our_domain))},
                              .hostname = our_hostname,
                              .report = {.header_octets = 2000, .full_octets = 2000}};
  settings.remote.session.hello_name = our_hostname;
  settings.remote.session.recipients_per_transaction = plan_.recipients_per_transaction;
  settings.remote.targets.ourselves = {{our_hostname}, {Machine::mx, Machine::relay}};
  return settings;
}

void SimulatedRun::start_machine() {
  ++outcome_.lives;
  start_noted_ = false;
  is_stopping_ = false;
  due_since_ = never;
  machine_began_ = loop_.now();
  alarms_before_ = ledger_.alarms();
  trace_.note("world", fmt::format("life {} begins", outcome_.lives));
  const auto seed = plan_.seed * 1'000'003 + outcome_.lives;
  machine_ = std::make_unique<Machine>(MachineWorld{loop_, disk_, network_, resolver_, log_, authenticator_, seed},
                                       machine_settings());
  arm_crash();
  if (plan_.starts_badly && !has_healed_) fail_to_read();
  machine_->start();
}

void SimulatedRun::read_log(const world::LogRecord& record) {
  ledger_.server_logged(record);
  if (record.event == "spool.recovered" && !has_healed_) hide_what_waits();
}

/// What waits is known, and the disk does not give it yet: it is to be taken up later.
void SimulatedRun::hide_what_waits() {
  if (plan_.hidden_reads == 0 || machine_->server().spool().facts().messages == 0) return;
  ledger_.spool_rotted();  // what stays unread for too long is given up, with an alarm
  schedule(after(loop_.now(), longest_hidden), [this] { disk_.forget_plan(); });
  disk_.plan({.operation = sim::DiskOperation::read, .times = plan_.hidden_reads, .path = "/segment-"});
}

/// What a start cannot read is taken up later.
void SimulatedRun::fail_to_read() {
  auto odds = plan_.disk.odds;
  odds.read_error = 6;
  disk_.set_odds(odds);
  schedule(after(loop_.now(), 3s), [this] { disk_.set_odds(has_healed_ ? sim::DiskOdds{} : plan_.disk.odds); });
}

void SimulatedRun::arm_crash() {
  if (!may_crash() || next_crash_ >= plan_.crashes.size()) return;
  const auto& crash = plan_.crashes[next_crash_];
  ++next_crash_;
  schedule(after(loop_.now(), crash.after), [this, &crash, life = outcome_.lives] {
    if (!may_crash() || life != outcome_.lives || !machine_) return;
    downtime_ = crash.downtime;
    survival_ = crash.survival;
    choice_ = crash.choice;
    const bool at_operation = crash.kind == CrashKind::power_cut || crash.kind == CrashKind::kill_at_operation;
    if (!at_operation) {
      wanted_ = crash.kind;
      return;
    }
    pending_ = crash.kind;
    disk_.cut_power_at(disk_.operations() + crash.operations);
  });
}

void SimulatedRun::after_each_event() {
  if (!machine_) return;
  if (disk_.power_is_off()) {
    crash_now(pending_.value_or(CrashKind::power_cut));
  } else if (wanted_) {
    crash_now(*std::exchange(wanted_, std::nullopt));
  } else if (!start_noted_ && machine_->has_started()) {
    note_start();
  } else if (is_stopping_ && machine_->has_stopped()) {
    end_machine();
  } else if (is_stopping_ && loop_.now() > stop_is_due()) {
    ledger_.violate("F31", "the server has not ended 10 s after it was told to");
  } else if (is_serving()) {
    check_wake_up();
  }
}

/// What the disk is slow with is waited for.
MonotonicTime SimulatedRun::stop_is_due() const {
  if (plan_.disk.odds.slow == 0) return after(stopping_since_, longest_stop);
  if (!has_healed_) return never;
  return after(std::max(stopping_since_, after(healed_at_, plan_.disk.slowest)), longest_stop);
}

void SimulatedRun::note_start() {
  start_noted_ = true;
  const auto& started = *machine_->has_started();
  if (started) return;
  trace_.note("server", "refuses to start", started.error().text, {});
  // What it read of the disk may be from before.
  if (has_healed_ && machine_began_ >= healed_at_) {
    ledger_.violate("I29", "the server does not start although all is well: " + started.error().text);
    return;
  }
  crash_now(CrashKind::kill);
  downtime_ = start_again;
}

void SimulatedRun::crash_now(CrashKind kind) {
  pending_.reset();
  if (kind == CrashKind::orderly_stop) {
    if (is_stopping_ || !machine_->has_started()) return;
    trace_.note("world", "the server is told to stop");
    is_stopping_ = true;
    stopping_since_ = loop_.now();
    machine_->stop();
    return;
  }
  ledger_.server_died();
  disk_.cut_power_at(0);
  is_finishing_ = false;
  machine_.reset();
  if (kind == CrashKind::power_cut && survey_) {
    survey_(disk_, hash_outside());
    is_surveyed_ = is_done_ = true;
  } else if (kind == CrashKind::power_cut) {
    trace_.note("world", "the power is cut");
    ++outcome_.power_cuts;
    reboot();
  } else {
    trace_.note("world", "the server is killed");
    disk_.restart();
  }
  revive_later(std::exchange(downtime_, start_again));
}

/// Of all that is not the server or its disk: what will happen follows from it, from the plan and from the disk.
std::uint64_t SimulatedRun::hash_outside() const {
  sim::RunningHash hash;
  hash.mix(trace_.outside());
  hash.mix(loop_.events_run());
  loop_.mix_into(hash);
  network_.mix_into(hash);
  for (const auto* random : {&model_random_, &network_random_, &crash_random_}) random->mix_into(hash);
  return hash.value();
}

void SimulatedRun::reboot() {
  sim::SeededChoice drawn(crash_random_.next());
  sim::LoseAll nothing;
  sim::KeepAll everything;
  switch (survival_) {
    case Survival::drawn:
      return disk_.reboot(drawn);
    case Survival::nothing:
      return disk_.reboot(nothing);
    case Survival::everything:
      return disk_.reboot(everything);
    case Survival::chosen:
      return disk_.reboot(*choice_);
  }
}

void SimulatedRun::end_machine() {
  trace_.note("world", "the server has ended in order");
  ledger_.server_ended_in_order();
  machine_.reset();
  if (is_finishing_) return;
  disk_.restart();
  revive_later(std::exchange(downtime_, start_again));
}

void SimulatedRun::revive_later(Duration downtime) {
  // Readers are other programs: they go on while the server is down.
  schedule(after(loop_.now(), downtime / 2), [this] { users_.visit(); });
  schedule(after(loop_.now(), downtime), [this] {
    if (!machine_) start_machine();
  });
}

}  // namespace posthorn::proof
