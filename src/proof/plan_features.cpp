#include "proof/plan_features.hpp"

#include "proof/chance.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

class Features {
 public:
  explicit Features(Plan& plan) : plan_(plan), chance_(plan.seed ^ 0x6665617475726573ULL) {}

  void draw() {
    if (chance_.below(40) == 0) live_for_months();
    draw_orders();
    draw_submissions();
    draw_resets();
    draw_bad_luck();
    draw_drift();
    draw_outages();
    draw_bad_starts();
    draw_hidden_reads();
  }

 private:
  [[nodiscard]] std::uint32_t next_token() const { return static_cast<std::uint32_t>(plan_.letters.size()) + 1; }

  /// The schedule as it is by default, more mail than the segments hold, and three months for it.
  void live_for_months() {
    plan_.waits = {5min, 10min, 20min, 40min, 1h};
    plan_.expire = 120h;
    plan_.warn = 4h;
    plan_.trouble = chance_.between(24h * 20, 24h * 90);
    plan_.look_interval = 30min;
    for (auto& letter : plan_.letters) letter.at = chance_.between(0s, plan_.trouble * 3 / 4);
    for (auto& crash : plan_.crashes) crash.after = chance_.between(1h, plan_.trouble / 8);
    for (auto& jump : plan_.clock_jumps_at) jump = chance_.between(1h, plan_.trouble);
    for (auto more = chance_.between(20, 60); more > 0; --more) {
      plan_.letters.push_back(plain_letter());
      plan_.letters.back().door = Door::relay;
    }
  }

  PlannedLetter plain_letter() {
    PlannedLetter letter{.token = next_token(), .at = chance_.between(0s, plan_.trouble * 3 / 4)};
    const auto user = chance_.below(our_users.size());
    letter.user = our_users.at(user);
    letter.other_user = our_users.at((user + 1) % our_users.size());
    letter.sender = fmt::format("{}@{}", letter.user, our_domain);
    letter.body_octets = chance_.between(1, 6000);
    letter.pipelined = chance_.half();
    letter.chunked = chance_.half();
    const auto count = chance_.between(1, 3);
    for (std::uint64_t place = 0; place < count; ++place)
      letter.recipients.push_back(plain_recipient(letter.token, place));
    return letter;
  }

  PlannedRecipient plain_recipient(std::uint32_t token, std::uint64_t place) {
    PlannedRecipient recipient;
    recipient.is_local = chance_.half();
    recipient.address = recipient.is_local
                            ? fmt::format("{}+{}-{}@{}", chance_.one_of(our_users), token, place, our_domain)
                            : fmt::format("r-{}-{}@{}", token, place, chance_.one_of(remote_domains));
    return recipient;
  }

  void draw_orders() {
    if (chance_.half()) return;
    static constexpr std::array orders{Order::hold, Order::release, Order::retry, Order::remove, Order::expire};
    for (auto count = chance_.between(1, 8); count > 0; --count) {
      plan_.actions.push_back({chance_.between(0s, plan_.trouble), chance_.one_of(orders)});
    }
  }

  void draw_submissions() {
    if (chance_.half()) return;
    static constexpr std::array flaws{Flaw::none,           Flaw::none,          Flaw::none,
                                      Flaw::none,           Flaw::without_login, Flaw::wrong_password,
                                      Flaw::foreign_sender, Flaw::foreign_author};
    for (auto count = chance_.between(1, 4); count > 0; --count) {
      auto letter = plain_letter();
      letter.door = Door::submission;
      letter.flaw = chance_.one_of(flaws);
      letter.starttls = chance_.half();
      letter.has_bcc = chance_.half();
      letter.is_dated = chance_.half();
      const bool is_refused_early = letter.flaw != Flaw::none && letter.flaw != Flaw::foreign_author;
      for (auto& recipient : letter.recipients) recipient.is_good = !is_refused_early;
      if (letter.flaw == Flaw::foreign_sender) letter.sender = fmt::format("{}@{}", letter.other_user, our_domain);
      plan_.letters.push_back(std::move(letter));
    }
  }

  void draw_resets() {
    if (chance_.half()) return;
    for (auto& letter : plan_.letters) letter.resets = chance_.percent(20);
  }

  void draw_bad_luck() {
    if (chance_.percent(25)) plan_.resolver_lies = static_cast<unsigned>(chance_.between(1, 50));
    if (chance_.percent(25)) {
      for (auto count = chance_.between(1, 4); count > 0; --count) {
        plan_.clock_jumps_at.push_back(chance_.between(1s, plan_.trouble));
      }
    }
    if (chance_.percent(10)) {
      for (auto count = chance_.between(1, 3); count > 0; --count)
        plan_.rot_at.push_back(chance_.between(1s, plan_.trouble));
    }
    if (chance_.percent(5))
      plan_.absences.push_back({chance_.between(1s, plan_.trouble / 2), chance_.between(30s, 300s)});
  }

  /// Up to a quarter of an hour a day.
  void draw_drift() {
    if (chance_.half()) return;
    plan_.clock_drift = static_cast<std::int32_t>(chance_.between(1, 10'000));
    if (chance_.half()) plan_.clock_drift = -plan_.clock_drift;
  }

  /// FAULTS F40: days of it in a life of months.
  void draw_outages() {
    if (!chance_.percent(20)) return;
    for (auto count = chance_.between(1, 2); count > 0; --count) {
      plan_.resolver_outages.push_back({chance_.between(0s, plan_.trouble), chance_.between(1s, plan_.trouble / 4)});
    }
  }

  void draw_bad_starts() {
    if (!chance_.percent(15)) return;
    plan_.starts_badly = true;
    // A disk that fails, as the book has to know.
    plan_.disk.odds.read_error = 2000;
    if (!plan_.crashes.empty()) return;
    for (auto count = chance_.between(1, 3); count > 0; --count) {
      plan_.crashes.push_back({.kind = chance_.half() ? CrashKind::kill : CrashKind::orderly_stop,
                               .after = chance_.between(plan_.trouble / 8, plan_.trouble / 2),
                               .downtime = chance_.between(10ms, 5s)});
    }
  }

  void draw_hidden_reads() {
    Chance chance(plan_.seed ^ 0x68696464656eULL);  // a stream of its own: the draws before stay as they were
    if (chance.percent(25)) plan_.hidden_reads = chance.between(1, 12);
  }

  Plan& plan_;
  Chance chance_;
};

}  // namespace

void draw_features(Plan& plan) { Features(plan).draw(); }

}  // namespace posthorn::proof
