#include "proof/plan_features.hpp"

#include "sim/random.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> users{"alice", "bob", "carol"};
constexpr std::array<std::string_view, 3> elsewhere{"one.example", "two.example", "three.example"};

class Features {
 public:
  explicit Features(Plan& plan) : plan_(plan), random_(plan.seed ^ 0x6665617475726573ULL) {}

  void draw() {
    if (random_.below(40) == 0) live_for_months();
    draw_orders();
    draw_submissions();
    draw_resets();
    draw_bad_luck();
    draw_drift();
    draw_outages();
    draw_bad_starts();
  }

 private:
  [[nodiscard]] bool half() { return random_.chance(50); }
  [[nodiscard]] Duration between(Duration least, Duration most) {
    return Duration{static_cast<std::int64_t>(
        random_.between(static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count())))};
  }
  [[nodiscard]] std::uint32_t next_token() const { return static_cast<std::uint32_t>(plan_.letters.size()) + 1; }

  /// The schedule as it is by default, more mail than the segments hold, and three months for it.
  void live_for_months() {
    plan_.waits = {5min, 10min, 20min, 40min, 1h};
    plan_.expire = 120h;
    plan_.warn = 4h;
    plan_.trouble = between(24h * 20, 24h * 90);
    plan_.look_interval = 30min;
    for (auto& letter : plan_.letters) letter.at = between(0s, plan_.trouble * 3 / 4);
    for (auto& crash : plan_.crashes) crash.after = between(1h, plan_.trouble / 8);
    for (auto& jump : plan_.clock_jumps_at) jump = between(1h, plan_.trouble);
    for (auto more = random_.between(20, 60); more > 0; --more) {
      plan_.letters.push_back(plain_letter());
      plan_.letters.back().door = Door::relay;
    }
  }

  PlannedLetter plain_letter() {
    PlannedLetter letter{.token = next_token(), .at = between(0s, plan_.trouble * 3 / 4)};
    const auto user = random_.below(users.size());
    letter.user = users.at(user);
    letter.other_user = users.at((user + 1) % users.size());
    letter.sender = fmt::format("{}@{}", letter.user, our_domain);
    letter.body_octets = random_.between(1, 6000);
    letter.pipelined = half();
    letter.chunked = half();
    const auto count = random_.between(1, 3);
    for (std::uint64_t place = 0; place < count; ++place)
      letter.recipients.push_back(plain_recipient(letter.token, place));
    return letter;
  }

  PlannedRecipient plain_recipient(std::uint32_t token, std::uint64_t place) {
    PlannedRecipient recipient;
    recipient.is_local = half();
    recipient.address =
        recipient.is_local ? fmt::format("{}+{}-{}@{}", users.at(random_.below(users.size())), token, place, our_domain)
                           : fmt::format("r-{}-{}@{}", token, place, elsewhere.at(random_.below(elsewhere.size())));
    return recipient;
  }

  void draw_orders() {
    if (half()) return;
    static constexpr std::array orders{Order::hold, Order::release, Order::retry, Order::remove, Order::expire};
    for (auto count = random_.between(1, 8); count > 0; --count) {
      plan_.actions.push_back({between(0s, plan_.trouble), orders.at(random_.below(orders.size()))});
    }
  }

  void draw_submissions() {
    if (half()) return;
    static constexpr std::array flaws{Flaw::none,           Flaw::none,          Flaw::none,
                                      Flaw::none,           Flaw::without_login, Flaw::wrong_password,
                                      Flaw::foreign_sender, Flaw::foreign_author};
    for (auto count = random_.between(1, 4); count > 0; --count) {
      auto letter = plain_letter();
      letter.door = Door::submission;
      letter.flaw = flaws.at(random_.below(flaws.size()));
      letter.starttls = half();
      letter.has_bcc = half();
      letter.is_dated = half();
      const bool is_refused_early = letter.flaw != Flaw::none && letter.flaw != Flaw::foreign_author;
      for (auto& recipient : letter.recipients) recipient.is_good = !is_refused_early;
      if (letter.flaw == Flaw::foreign_sender) letter.sender = fmt::format("{}@{}", letter.other_user, our_domain);
      plan_.letters.push_back(std::move(letter));
    }
  }

  void draw_resets() {
    if (half()) return;
    for (auto& letter : plan_.letters) letter.resets = random_.chance(20);
  }

  void draw_bad_luck() {
    if (random_.chance(25)) plan_.resolver_lies = static_cast<unsigned>(random_.between(1, 50));
    if (random_.chance(25)) {
      for (auto count = random_.between(1, 4); count > 0; --count) {
        plan_.clock_jumps_at.push_back(between(1s, plan_.trouble));
      }
    }
    if (random_.chance(10)) {
      for (auto count = random_.between(1, 3); count > 0; --count) plan_.rot_at.push_back(between(1s, plan_.trouble));
    }
    if (random_.chance(5)) plan_.absences.push_back({between(1s, plan_.trouble / 2), between(30s, 300s)});
  }

  /// Up to a quarter of an hour a day.
  void draw_drift() {
    if (half()) return;
    plan_.clock_drift = static_cast<std::int32_t>(random_.between(1, 10'000));
    if (half()) plan_.clock_drift = -plan_.clock_drift;
  }

  /// FAULTS F40: days of it in a life of months.
  void draw_outages() {
    if (!random_.chance(20)) return;
    for (auto count = random_.between(1, 2); count > 0; --count) {
      plan_.resolver_outages.push_back({between(0s, plan_.trouble), between(1s, plan_.trouble / 4)});
    }
  }

  void draw_bad_starts() {
    if (!random_.chance(15)) return;
    plan_.starts_badly = true;
    // A disk that fails, as the book has to know.
    plan_.disk.odds.read_error = 2000;
    if (!plan_.crashes.empty()) return;
    for (auto count = random_.between(1, 3); count > 0; --count) {
      plan_.crashes.push_back({.kind = half() ? CrashKind::kill : CrashKind::orderly_stop,
                               .after = between(plan_.trouble / 8, plan_.trouble / 2),
                               .downtime = between(10ms, 5s)});
    }
  }

  Plan& plan_;
  sim::Random random_;
};

}  // namespace

void draw_features(Plan& plan) { Features(plan).draw(); }

}  // namespace posthorn::proof
