#include "proof/plan.hpp"

#include "proof/chance.hpp"
#include "proof/plan_features.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : chance_(seed) { plan_.seed = seed; }

  Plan draw() {
    draw_scale();
    draw_server();
    draw_disk();
    draw_network();
    draw_peers();
    draw_crashes();
    draw_letters();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] unsigned percent(std::uint64_t most) { return static_cast<unsigned>(chance_.log_uniform(1, most)); }
  [[nodiscard]] unsigned percent_in_half(std::uint64_t most) { return chance_.half() ? percent(most) : 0U; }

  /// Most runs are short; one in forty lives for days and meets the schedules as they are by default.
  void draw_scale() {
    if (chance_.below(40) == 0) {
      plan_.waits = {5min, 10min, 20min, 40min, 1h};
      plan_.expire = chance_.between(8h, 120h);
      plan_.warn = 4h;
      plan_.trouble = chance_.between(1h, 10h);
      return;
    }
    const auto first = chance_.between(2s, 20s);
    plan_.waits = {first, 2 * first, 3 * first};
    plan_.trouble = chance_.between(20s, 240s);
    plan_.expire = chance_.half() ? chance_.between(plan_.trouble / 2, plan_.trouble)
                                  : plan_.trouble + chance_.between(400s, 900s);
    plan_.warn = chance_.half() ? plan_.expire / 3 : Duration{};
  }

  void draw_server() {
    plan_.segment_octets = static_cast<std::uint32_t>((16 << 10) * chance_.between(1, 4));
    plan_.inline_octets = chance_.half() ? 1024 : 8192;
    plan_.message_octets = chance_.half() ? 12'000 : 64 << 10;
    plan_.received_fields = static_cast<std::uint32_t>(chance_.between(3, 12));
    plan_.window = static_cast<std::uint32_t>(chance_.between(1, 4));
    plan_.recipients_per_transaction = chance_.half() ? 2 : 100;
    plan_.commit_timeout = chance_.half() ? 2s : 60s;
  }

  [[nodiscard]] std::uint32_t odds() {
    return chance_.half() ? static_cast<std::uint32_t>(chance_.log_uniform(16, 2000)) : 0U;
  }

  void draw_disk() {
    static constexpr std::array modes{sim::CrashMode::ordered, sim::CrashMode::prefix, sim::CrashMode::reordered,
                                      sim::CrashMode::delayed_allocation};
    auto& disk = plan_.disk;
    disk.seed = chance_.next();
    disk.mode = chance_.one_of(modes);
    disk.trace_limit = 0;
    disk.capacity = 256ULL << 20;
    disk.slowest = chance_.between(100ms, 20s);
    if (chance_.half()) return;  // a disk without faults of its own
    if (chance_.half()) disk.odds.write_error = disk.odds.sync_error = odds();
    if (chance_.half()) disk.odds.name_error = odds();
    if (chance_.half()) disk.odds.no_space = odds();
    if (chance_.half()) disk.odds.read_error = odds();
    if (chance_.half()) disk.odds.too_many_files = odds();
    disk.odds.slow = odds();
  }

  void draw_network() {
    auto& network = plan_.network;
    network.most_delay = chance_.half() ? chance_.between(1ms, 300ms) : Duration{};
    network.split_percent = percent_in_half(100);
    network.window = chance_.half() ? 1024 : 64 * 1024;
    network.cut_per_million = chance_.half() ? static_cast<unsigned>(chance_.log_uniform(500, 50'000)) : 0U;
    plan_.longest_job_wait = chance_.half() ? chance_.between(1us, 50ms) : Duration{};
    plan_.resolver_failures = percent_in_half(60);
    plan_.changing_mx = chance_.half();
  }

  void draw_peers() {
    auto& temper = plan_.temper;
    if (chance_.half()) {
      temper = {.soft = percent_in_half(40),
                .hard = percent_in_half(20),
                .drop = percent_in_half(20),
                .garbage = percent_in_half(10),
                .stall = percent_in_half(3),
                .tarpit = percent_in_half(40),
                .lose_after_dot = percent_in_half(40)};
    }
    temper.greylist = chance_.half() ? 100U : 0U;
    temper.tls = percent_in_half(100);
    temper.tls_failure = percent_in_half(50);
    plan_.users_move = chance_.half();
    plan_.users_delete = chance_.half();
    plan_.reloads = chance_.half();
  }

  void draw_crashes() {
    if (chance_.half()) return;
    static constexpr std::array kinds{CrashKind::power_cut, CrashKind::power_cut, CrashKind::kill_at_operation,
                                      CrashKind::kill, CrashKind::orderly_stop};
    for (auto count = chance_.log_uniform(1, 8); count > 0; --count) {
      plan_.crashes.push_back({.kind = chance_.one_of(kinds),
                               .operations = chance_.log_uniform(1, 300),
                               .after = chance_.half() ? Duration{} : chance_.between(1s, plan_.trouble / 2),
                               .downtime = chance_.between(10ms, 5s)});
    }
    if (chance_.half()) plan_.clock_jumps_at.push_back(chance_.between(1s, plan_.trouble));
  }

  void draw_letters() {
    const auto count = chance_.log_uniform(1, 24);
    for (std::uint32_t token = 1; token <= count; ++token) plan_.letters.push_back(draw_letter(token));
  }

  PlannedLetter draw_letter(std::uint32_t token) {
    PlannedLetter letter{.token = token, .at = chance_.between(0s, plan_.trouble * 3 / 4)};
    letter.door = chance_.half() ? Door::relay : Door::mx;
    letter.sender = draw_sender();
    letter.body_octets = chance_.log_uniform(1, chance_.half() ? 600 : 9000);
    letter.pipelined = chance_.half();
    letter.chunked = chance_.half();
    letter.headers_only = chance_.half();
    letter.starttls = chance_.percent(20);
    const auto recipients = chance_.half() ? 1 : chance_.log_uniform(1, 8);
    for (std::uint64_t place = 0; place < recipients; ++place)
      letter.recipients.push_back(draw_recipient(letter, place));
    draw_trouble(letter);
    return letter;
  }

  std::string draw_sender() {
    switch (chance_.below(8)) {
      case 0:
        return {};
      case 1:
      case 2:
      case 3:
        return fmt::format("sender@{}", home_domain);
      default:
        return fmt::format("{}@{}", chance_.one_of(our_users), our_domain);
    }
  }

  PlannedRecipient draw_recipient(const PlannedLetter& letter, std::uint64_t place) {
    PlannedRecipient recipient;
    const auto chance = chance_.below(20);
    const bool is_trusted = letter.door == Door::relay;
    recipient.is_local = is_trusted ? chance_.half() : chance != 0;
    recipient.is_good = recipient.is_local || is_trusted;
    if (recipient.is_local && chance == 1) {
      recipient.address = fmt::format("nobody-{}@{}", place, our_domain);
      recipient.is_good = false;
    } else if (recipient.is_local) {
      // A tag of its own, so that each recipient of each letter is told apart.
      recipient.address = fmt::format("{}+{}-{}@{}", chance_.one_of(our_users), letter.token, place, our_domain);
    } else {
      recipient.address = remote_address(letter, place, chance);
    }
    static constexpr std::array notify{Notify::unsaid, Notify::unsaid,  Notify::unsaid,
                                       Notify::never,  Notify::failure, Notify::success_failure_delay};
    recipient.notify = chance_.one_of(notify);
    return recipient;
  }

  std::string remote_address(const PlannedLetter& letter, std::uint64_t place, std::uint64_t chance) {
    if (chance == 2) return fmt::format("r-{}-{}@nowhere.example", letter.token, place);
    if (chance == 3) return fmt::format("r-{}-{}@null.example", letter.token, place);
    const auto* name = chance == 4 ? "gone" : "r";
    return fmt::format("{}-{}-{}@{}", name, letter.token, place, chance_.one_of(remote_domains));
  }

  void draw_trouble(PlannedLetter& letter) {
    static constexpr std::array flaws{Flaw::bare_line_feed, Flaw::smuggled_end, Flaw::too_many_hops, Flaw::too_large,
                                      Flaw::wrong_order};
    if (chance_.percent(15)) letter.flaw = chance_.one_of(flaws);
    if (letter.flaw == Flaw::too_large) letter.body_octets = plan_.message_octets + 1;
    if (chance_.percent(15)) letter.cut_at = chance_.log_uniform(1, 600 + letter.body_octets);
    if (chance_.percent(10)) letter.pause = chance_.between(1s, 60s);
  }

  Chance chance_;
  Plan plan_;
};

}  // namespace

Plan draw_plan(std::uint64_t seed) {
  auto plan = Drawing{seed}.draw();
  // What happens in between is most of the work of a quiet history.
  if (seed % 4 != 0) plan.look_interval = 5s;
  if (seed >= first_seed_with_features) draw_features(plan);
  return plan;
}

std::string describe(const Plan& plan) {
  const auto& odds = plan.disk.odds;
  const auto& temper = plan.temper;
  auto text = fmt::format(
      "segments {} inline {} message {} hops {} window {} expire {} warn {} trouble {}\n"
      "disk {} write {} read {} name {} space {} files {} slow {}\n"
      "network delay {}ms split {}% window {} cut {}/1000000, resolver {}%, changing MX {}\n"
      "peers soft {} hard {} drop {} garbage {} stall {} tarpit {} lose {} greylist {} tls {} tls failure {}\n"
      "crashes {} clock jumps {} users move {} delete {} letters {}\n"
      "lies {}% orders {} rot {} absences {} outages of DNS {} drift {}/1000000 bad starts {} hidden {} looks every "
      "{}\n",
      plan.segment_octets, plan.inline_octets, plan.message_octets, plan.received_fields, plan.window,
      to_text(plan.expire), to_text(plan.warn), to_text(plan.trouble), to_text(plan.disk.mode), odds.write_error,
      odds.read_error, odds.name_error, odds.no_space, odds.too_many_files, odds.slow,
      plan.network.most_delay / std::chrono::milliseconds{1}, plan.network.split_percent, plan.network.window,
      plan.network.cut_per_million, plan.resolver_failures, plan.changing_mx, temper.soft, temper.hard, temper.drop,
      temper.garbage, temper.stall, temper.tarpit, temper.lose_after_dot, temper.greylist, temper.tls,
      temper.tls_failure, plan.crashes.size(), plan.clock_jumps_at.size(), plan.users_move, plan.users_delete,
      plan.letters.size(), plan.resolver_lies, plan.actions.size(), plan.rot_at.size(), plan.absences.size(),
      plan.resolver_outages.size(), plan.clock_drift, plan.starts_badly, plan.hidden_reads,
      to_text(plan.look_interval));
  return text;
}

}  // namespace posthorn::proof
