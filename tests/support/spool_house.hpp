// SpoolHouse: a spool on the simulated disk, with what it needs around it, for tests. Calls wait for their answer by
// running virtual time; restart() and power_cut() end one life of the program and begin the next on what is on the disk.
#pragma once

#include "base/assert.hpp"
#include "sim/disk.hpp"
#include "sim/loop.hpp"
#include "sim/random.hpp"
#include "sim/workers.hpp"
#include "store/spool.hpp"
#include "world/task_group.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::testing {

/// Keeps the names of the events.
class EventLog final : public world::Log {
 public:
  void write(world::LogRecord record) override { events.emplace_back(record.event); }
  [[nodiscard]] bool takes(world::LogLevel /*level*/) const override { return true; }
  [[nodiscard]] bool has(std::string_view event) const { return std::ranges::find(events, event) != events.end(); }

  std::vector<std::string> events;
};

/// Small enough that a few messages fill a segment.
[[nodiscard]] inline store::SpoolSettings small_spool() {
  store::SpoolSettings settings;
  settings.state_folder = "/state";
  settings.host_identity = "this machine";
  settings.segment_octets = 8192;
  settings.block_octets = 512;
  settings.reserve_octets = 2 * 8192;
  settings.spare_segments = 1;
  settings.keep_segments = 4;
  settings.largest_message = 1U << 20;
  settings.body_block_octets = 512;
  return settings;
}

[[nodiscard]] inline store::NewMessage message_to(MessageId id, std::vector<std::string> recipients, std::string text) {
  store::NewMessage message;
  message.id = id;
  message.envelope.sender = *mail::Address::parse("sender@example.net");
  for (const auto& recipient : recipients)
    message.envelope.recipients.push_back({*mail::Address::parse(recipient), {}, {}});
  message.arrival = WallTime{std::chrono::seconds{1'790'000'000}};
  message.delivery_name = {1'790'000'000, 17, 4711, id.value() & 0xffff, "mx.example.org"};
  message.origin = {store::Origin::Door::mx, "", "192.0.2.1", "s1"};
  message.head = "Received: by mx\r\n";
  message.body = std::move(text);
  return message;
}

[[nodiscard]] inline store::Outcome outcome(std::uint32_t recipient, store::RecipientStatus status,
                                            std::string reply = "") {
  store::Outcome result{.recipient = recipient};
  result.state.status = status;
  result.state.attempts = 1;
  result.state.reply = std::move(reply);
  return result;
}

class SpoolHouse {
 public:
  struct Options {
    sim::DiskSettings disk;
    store::SpoolSettings spool = small_spool();
    std::uint64_t seed = 0;  ///< of loop and workers; 0: everything in order
    bool maintains = false;  ///< maintenance runs beside
  };

  SpoolHouse() : SpoolHouse(Options{}) {}
  explicit SpoolHouse(Options options) : SpoolHouse(options, std::make_unique<sim::Disk>(options.disk)) {
    ensure(disk.make_root(settings.state_folder, 0700).has_value(), "the simulated disk takes a folder");
  }
  /// On a disk that has seen something: the one a power cut left.
  SpoolHouse(Options options, std::unique_ptr<sim::Disk> given)
      : settings(options.spool),
        own_disk_(std::move(given)),
        disk(*own_disk_),
        options_(options),
        random_(options.seed + 1) {}
  ~SpoolHouse() { leave(); }
  SpoolHouse(const SpoolHouse&) = delete;
  SpoolHouse& operator=(const SpoolHouse&) = delete;

  /// Opens the spool, and reads what waits in it.
  Result<> start() {
    if (auto opened = open(); !opened) return opened;
    return recover();
  }
  Result<> open() {
    life_.emplace(*this);
    auto spool = wait_for(store::Spool::open(life_->loop, life_->world(), settings));
    if (!spool) return failure(std::move(spool).error());
    life_->spool = *std::move(spool);
    if (options_.maintains) life_->tasks.start(life_->spool->maintain(life_->loop));
    return {};
  }
  Result<> recover() {
    auto recovered = wait_for(life_->spool->recover(life_->loop));
    if (!recovered) return failure(std::move(recovered).error());
    report = *std::move(recovered);
    return {};
  }
  /// The program ends in good order.
  void stop() {
    life_->spool->stop();
    ensure(wait_for(drained(*life_->spool, life_->loop)), "the spool comes to its end");
    leave();
  }
  /// The program ends as if it were killed: all that it wrote is there.
  void kill() { leave(); }
  Result<> restart() {
    kill();
    return start();
  }
  void power_cut(sim::CrashChoice& choice) {
    leave();
    disk.reboot(choice);
  }
  void power_cut() {
    sim::LoseAll choice;
    power_cut(choice);
  }

  [[nodiscard]] store::Spool& spool() { return *life_->spool; }
  [[nodiscard]] sim::Loop& loop() { return life_->loop; }
  [[nodiscard]] world::TaskGroup& tasks() { return life_->tasks; }
  [[nodiscard]] bool is_running() const { return life_ && life_->spool; }
  void run_for(Duration time) { life_->loop.run_for(time); }

  // ---- calls that wait ----
  Result<> commit(store::NewMessage message, MonotonicTime deadline = never) {
    return wait_for(spool().commit(loop(), std::move(message), deadline));
  }
  /// A message with a text, to these; its id if it was stored.
  Result<MessageId> store(std::string text, std::vector<std::string> recipients = {"alice@example.org"}) {
    const auto id = spool().new_id();
    auto stored = commit(message_to(id, std::move(recipients), std::move(text)));
    if (!stored) return failure(std::move(stored).error());
    return id;
  }
  Result<store::FinishedBody> body(MessageId id, std::string text) {
    auto writer = spool().new_body(id);
    if (auto appended = wait_for(writer.append(loop(), text)); !appended) return failure(std::move(appended).error());
    return wait_for(writer.finish(loop()));
  }
  Result<> record(MessageId id, std::vector<store::Outcome> outcomes) {
    return wait_for(spool().record(loop(), id, std::move(outcomes)));
  }
  Result<store::LoadedMessage> load(MessageId id) { return wait_for(spool().load(loop(), id)); }
  /// The whole text; empty and `corrupt` when a piece is.
  Result<std::string> text_of(MessageId id) {
    auto loaded = load(id);
    if (!loaded) return failure(std::move(loaded).error());
    if (loaded->message.damaged) return failure(Error::Kind::corrupt, "damaged");
    std::string text;
    for (;;) {
      const auto piece = wait_for(loaded->text.next(loop()));
      if (!piece) return failure(piece.error());
      if (piece->empty()) return text;
      text += *piece;
    }
  }

  /// Runs the task to its end.
  template <class T>
  T wait_for(world::Task<T> task) {
    std::optional<T> value;
    life_->tasks.start(keep(std::move(task), value));
    for (std::uint64_t steps = 0; !value; ++steps) {
      ensure(steps < most_steps && life_->loop.step(), "the task comes to its end");
    }
    return *std::move(value);
  }
  template <class T>
  static world::Task<> keep(world::Task<T> task, std::optional<T>& value) {
    value.emplace(co_await std::move(task));
  }

  store::SpoolSettings settings;

 private:
  std::unique_ptr<sim::Disk> own_disk_;

 public:
  sim::Disk& disk;
  EventLog log;
  store::RecoveryReport report;  ///< of the last start

 private:
  static constexpr std::uint64_t most_steps = 1'000'000;

  struct Life {
    explicit Life(SpoolHouse& of)
        : house(of),
          loop(of.options_.seed == 0 ? 0 : of.options_.seed + ++of.lives_),
          commit_worker(loop, {of.options_.seed, std::chrono::milliseconds{1}, true}),
          readers(loop, {of.options_.seed, std::chrono::milliseconds{3}, false}) {}
    store::SpoolWorld world() { return {house.disk, commit_worker, readers, house.log, loop.clock(), house.random_}; }

    SpoolHouse& house;
    sim::Loop loop;
    sim::Workers commit_worker;
    sim::Workers readers;
    std::unique_ptr<store::Spool> spool;
    world::TaskGroup tasks;
  };

  static world::Task<bool> drained(store::Spool& spool, world::Loop& loop) {
    co_await spool.drain(loop);
    co_return true;
  }
  void leave() { life_.reset(); }

  Options options_;
  sim::Random random_;
  std::uint64_t lives_ = 0;
  std::optional<Life> life_;
};

}  // namespace posthorn::testing
