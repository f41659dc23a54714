#include "proof/exhaustive.hpp"

#include <fmt/core.h>

#include <array>
#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kept_failures = 10;

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
    case Kind::local: letter.recipients = {here}; break;
    case Kind::remote: letter.recipients = {elsewhere}; break;
    case Kind::both: letter.recipients = {here, elsewhere}; break;
    case Kind::refused: letter.recipients = {gone}; break;
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
  explicit Explorer(unsigned drawn) : drawn_(drawn) {}

  void explore(Plan plan) {
    ++result_.histories;
    const auto whole = simulate(plan);
    enter(whole);
    for (std::uint64_t at = 1; at <= whole.disk_operations; ++at) {
      ++result_.cut_points;
      for (const auto mode : {sim::CrashMode::ordered, sim::CrashMode::reordered}) cut(plan, at, mode);
    }
  }

  [[nodiscard]] Exploration take() { return std::move(result_); }

 private:
  void cut(Plan& plan, std::uint64_t at, sim::CrashMode mode) {
    plan.disk.mode = mode;
    run(plan, at, Survival::nothing);
    run(plan, at, Survival::everything);
    for (unsigned draw = 0; draw < drawn_; ++draw) {
      plan.seed = 1 + draw;
      run(plan, at, Survival::drawn);
    }
    plan.seed = 0;
  }

  void run(Plan& plan, std::uint64_t at, Survival survival) {
    plan.crashes = {{.kind = CrashKind::power_cut, .operations = at, .downtime = 10ms, .survival = survival}};
    enter(simulate(plan));
    plan.crashes.clear();
  }

  void enter(Outcome outcome) {
    ++result_.runs;
    if (!outcome.is_good() && result_.failures.size() < kept_failures) result_.failures.push_back(std::move(outcome));
  }

  unsigned drawn_;
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

Exploration explore(std::size_t letters, unsigned drawn) {
  std::vector<Plan> plans{calm_plan()};
  for (std::uint32_t token = 1; token <= letters; ++token) extend(plans, token);
  Explorer explorer(drawn);
  for (auto& plan : plans) explorer.explore(std::move(plan));
  return explorer.take();
}

}  // namespace posthorn::proof
