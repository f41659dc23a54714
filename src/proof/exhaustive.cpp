#include "proof/exhaustive.hpp"

#include <fmt/core.h>

#include <array>
#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept_failures = 10;
constexpr std::uint64_t most_again = 40;  // changes of the disk: a recovery makes fewer

/// What a letter of a short history may be.
enum class Kind : std::uint8_t { local, remote, both, refused };
constexpr std::array kinds{Kind::local, Kind::remote, Kind::both, Kind::refused};

PlannedLetter letter_of(Kind kind, std::uint32_t token) {
  PlannedLetter letter{.token = token, .at = 10ms * token, .door = Door::relay, .body_octets = 200};
  letter.sender = fmt::format("alice@{}", our_domain);
  const PlannedRecipient here{.address = fmt::format("bob+{}-0@{}", token, our_domain), .is_local = true};
  const PlannedRecipient elsewhere{.address = fmt::format("r-{}-1@one.example", token)};
  const PlannedRecipient gone{.address = fmt::format("gone-{}-2@one.example", token)};
  switch (kind) {
    case Kind::local:
      letter.recipients = {here};
      break;
    case Kind::remote:
      letter.recipients = {elsewhere};
      break;
    case Kind::both:
      letter.recipients = {here, elsewhere};
      break;
    case Kind::refused:
      letter.recipients = {gone};
      break;
  }
  // One of them is too large to be kept in memory: its body has a file of its own.
  if (token == 2) letter.body_octets = 3000;
  return letter;
}

Plan calm_plan() {
  Plan plan;
  plan.waits = {2s, 4s};
  plan.expire = 1h;
  plan.trouble = 20s;
  plan.inline_octets = 1024;
  plan.disk.trace_limit = 0;
  plan.disk.capacity = 64ULL << 20;
  return plan;
}

class Explorer {
 public:
  explicit Explorer(const ExplorationSettings& settings) : settings_(settings) {}

  void explore(Plan plan) {
    ++result_.histories;
    const auto whole = simulate(plan);
    enter(whole);
    for (std::uint64_t at = 1; at <= whole.disk_operations; ++at) {
      if (++places_ % settings_.step != settings_.first % settings_.step) continue;
      ++result_.cut_points;
      for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::reordered}) {
        plan.disk.mode = mode;
        cut(plan, at);
        if (plan.letters.size() == 1) cut_twice(plan, at);
      }
    }
  }

  [[nodiscard]] Exploration take() { return std::move(result_); }

 private:
  /// With every outcome of everything that was not synced.
  void cut(Plan& plan, std::uint64_t at) {
    sim::ExhaustiveChoice choice;
    plan.crashes = {cut_at(at, Survival::chosen)};
    plan.crashes.front().choice = &choice;
    bool has_more = true;
    for (std::uint64_t outcomes = 0; has_more && outcomes < settings_.most_outcomes; ++outcomes) {
      enter(simulate(plan));
      has_more = choice.next();
    }
    if (has_more) ++result_.capped;
  }

  /// And again at each change that the server makes while it comes back, or later.
  void cut_twice(Plan& plan, std::uint64_t at) {
    for (const auto first : {Survival::nothing, Survival::everything}) {
      for (const auto second : {Survival::nothing, Survival::everything}) {
        for (std::uint64_t again = 1; again <= most_again; ++again) {
          plan.crashes = {cut_at(at, first), cut_at(again, second)};
          auto outcome = simulate(plan);
          const bool was_cut = outcome.power_cuts == 2;
          enter(std::move(outcome));
          if (!was_cut) break;
          ++result_.second_cuts;
        }
      }
    }
  }

  static PlannedCrash cut_at(std::uint64_t at, Survival survival) {
    return {.kind = CrashKind::power_cut, .operations = at, .downtime = 10ms, .survival = survival};
  }

  void enter(Outcome outcome) {
    ++result_.runs;
    if (outcome.is_good()) return;
    ++result_.failed;
    if (result_.failures.size() < kept_failures) result_.failures.push_back(std::move(outcome));
  }

  const ExplorationSettings& settings_;
  std::uint64_t places_ = 0;  // so far
  Exploration result_;
};

void extend(std::vector<Plan>& plans, std::uint32_t token) {
  std::vector<Plan> longer;
  for (const auto& plan : plans) {
    for (const auto kind : kinds) {
      longer.push_back(plan);
      longer.back().letters.push_back(letter_of(kind, token));
    }
  }
  plans = std::move(longer);
}

}  // namespace

Exploration explore(const ExplorationSettings& settings) {
  std::vector<Plan> plans{calm_plan()};
  for (std::uint32_t token = 1; token <= settings.letters; ++token) extend(plans, token);
  Explorer explorer(settings);
  for (auto& plan : plans) explorer.explore(std::move(plan));
  return explorer.take();
}

}  // namespace posthorn::proof
