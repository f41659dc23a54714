#include "proof/exhaustive.hpp"

#include "sim/running_hash.hpp"

#include <fmt/core.h>

#include <array>
#include <unordered_set>
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
  plan.trouble = 10s;
  plan.look_interval = 5s;
  plan.cuts_to_the_end = true;
  plan.inline_octets = 1024;
  plan.disk.trace_limit = 0;
  plan.disk.capacity = 64ULL << 20;
  return plan;
}

PlannedCrash cut_at(std::uint64_t at, Survival survival) {
  return {.kind = CrashKind::power_cut, .operations = at, .downtime = 10ms, .survival = survival};
}

class Explorer {
 public:
  Explorer(const ExplorationSettings& settings, const Progress& progress) : settings_(settings), progress_(progress) {}

  void explore(Plan plan) {
    ++result_.histories;
    known_.clear();
    const auto whole = simulate(plan);
    enter(whole);
    for (std::uint64_t at = 1; at <= whole.disk_operations; ++at) {
      ++result_.cut_points;
      for (auto& state : new_states(plan, at)) enter(simulate_cut(plan, at, std::move(state)));
      if (plan.letters.size() == 1 && is_ours(at)) cut_twice(plan, at);
    }
    progress_(result_);
  }

  [[nodiscard]] Exploration take() { return std::move(result_); }

 private:
  [[nodiscard]] bool is_ours(std::uint64_t number) const {
    return number % settings_.step == settings_.first % settings_.step;
  }

  /// One for each state that this cut may leave, and that no cut before it has left.
  std::vector<CutOutcome> new_states(const Plan& plan, std::uint64_t at) {
    std::vector<CutOutcome> found;
    for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::reordered}) {
      const bool is_whole = each_outcome(plan, at, mode, settings_.most_outcomes, [&](const CutOutcome& outcome) {
        ++result_.outcomes;
        if (!known_.insert(outcome.state).second) return;
        ++result_.states;
        if (is_ours(outcome.state)) found.push_back(outcome);
      });
      if (!is_whole) ++result_.capped;
    }
    return found;
  }

  /// And again at each change that the server makes while it comes back, or later.
  void cut_twice(Plan& plan, std::uint64_t at) {
    for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::reordered}) {
      plan.disk.mode = mode;
      for (const auto first : {Survival::nothing, Survival::everything}) {
        for (const auto second : {Survival::nothing, Survival::everything}) cut_twice(plan, at, first, second);
      }
    }
  }

  void cut_twice(Plan& plan, std::uint64_t at, Survival first, Survival second) {
    for (std::uint64_t again = 1; again <= most_again; ++again) {
      plan.crashes = {cut_at(at, first), cut_at(again, second)};
      auto outcome = simulate(plan);
      const bool was_cut = outcome.power_cuts == 2;
      enter(std::move(outcome));
      if (!was_cut) return;
      ++result_.second_cuts;
    }
  }

  void enter(Outcome outcome) {
    ++result_.runs;
    if (outcome.is_good()) return;
    ++result_.failed;
    if (result_.failures.size() < kept_failures) result_.failures.push_back(std::move(outcome));
  }

  const ExplorationSettings& settings_;
  const Progress& progress_;
  std::unordered_set<std::uint64_t> known_;  // what cuts have left: of the history under way
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

bool each_outcome(Plan plan, std::uint64_t at, sim::CrashMode mode, std::uint64_t most,
                  const std::function<void(const CutOutcome&)>& visit) {
  plan.disk.mode = mode;
  plan.crashes = {cut_at(at, Survival::nothing)};
  sim::ExhaustiveChoice choice;
  survey_cut(plan, [&](const sim::Disk& disk, std::uint64_t outside) {
    std::uint64_t outcomes = 0;
    do {
      sim::RunningHash hash;
      hash.mix(outside);
      hash.mix(disk.after_power_cut(choice)->hash());
      visit({mode, choice, hash.value()});
    } while (choice.next() && ++outcomes < most);
  });
  return choice.is_at_end();
}

Outcome simulate_cut(Plan plan, std::uint64_t at, CutOutcome outcome) {
  outcome.choice.start_again();
  plan.disk.mode = outcome.mode;
  plan.crashes = {cut_at(at, Survival::chosen)};
  plan.crashes.front().choice = &outcome.choice;
  return simulate(plan);
}

std::vector<Plan> short_histories(std::size_t letters) {
  std::vector<Plan> plans{calm_plan()};
  for (std::uint32_t token = 1; token <= letters; ++token) extend(plans, token);
  return plans;
}

Exploration explore(const ExplorationSettings& settings, const Progress& progress) {
  Explorer explorer(settings, progress);
  for (auto& plan : short_histories(settings.letters)) explorer.explore(std::move(plan));
  return explorer.take();
}

}  // namespace posthorn::proof
