#include "cli/sim_command.hpp"

#include "cli/options.hpp"
#include "proof/exhaustive.hpp"
#include "proof/simulation.hpp"

#include <charconv>
#include <optional>
#include <tuple>
#include <utility>

namespace posthorn::cli {
namespace {

using Range = std::pair<std::uint64_t, std::uint64_t>;

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "1-2000"
std::optional<Range> read_range(std::string_view text) {
  const auto hyphen = text.find('-');
  if (hyphen == std::string_view::npos) return std::nullopt;
  const auto first = read_number(text.substr(0, hyphen));
  const auto last = read_number(text.substr(hyphen + 1));
  if (!first || !last || *first > *last) return std::nullopt;
  return Range{*first, *last};
}

struct Totals {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t lives = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t accepted = 0;
  std::uint64_t copies = 0;
  std::uint64_t reports = 0;
  std::uint64_t disk_operations = 0;
  std::uint64_t events = 0;
  double days = 0;

  void add(const proof::Outcome& outcome) {
    ++(outcome.is_good() ? passed : failed);
    lives += outcome.lives;
    power_cuts += outcome.power_cuts;
    accepted += outcome.accepted;
    copies += outcome.copies;
    reports += outcome.reports;
    disk_operations += outcome.disk_operations;
    events += outcome.events;
    days += std::chrono::duration<double, std::ratio<86400>>(outcome.virtual_time).count();
  }
};

void print_figures(Console& console, const Totals& totals) {
  console.remark(
      "sim: {:.1f} virtual days, {} lives, {} power cuts, {} letters accepted, {} copies, {} reports, "
      "{} disk operations, {} events\n",
      totals.days, totals.lives, totals.power_cuts, totals.accepted, totals.copies, totals.reports,
      totals.disk_operations, totals.events);
}

ExitStatus run_exhaustive(const proof::ExplorationSettings& settings, Console& console) {
  const auto explored = proof::explore(settings, [&console](const proof::Exploration& so_far) {
    console.remark("sim: {} histories: {} cut points, {} outcomes, {} states, {} runs, {} failed\n", so_far.histories,
                   so_far.cut_points, so_far.outcomes, so_far.states, so_far.runs, so_far.failed);
  });
  for (const auto& failure : explored.failures) console.print("{}\n", failure.line());
  console.print(
      "sim: {} histories of {} letters, {} cut points with {} outcomes, {} states, {} second cuts, {} runs, "
      "{} cut points with more outcomes than {}, {} runs failed\n",
      explored.histories, settings.letters, explored.cut_points, explored.outcomes, explored.states,
      explored.second_cuts, explored.runs, explored.capped, settings.most_outcomes, explored.failed);
  return explored.failures.empty() ? ExitStatus::ok : ExitStatus::failed;
}

}  // namespace

ExitStatus run_sim(const Invocation& invocation, Console& console) {
  Options options(invocation,
                  "The whole server in a simulated world: one thread, virtual time, every fault a seed can draw.");
  std::uint64_t seed = 0;
  std::string seeds;
  bool verbose = false;
  auto* one = options.app().add_option("--seed", seed, "one run");
  auto* many = options.app().add_option("--seeds", seeds, "runs from A to B: A-B")->excludes(one);
  options.app().add_flag("--verbose,--trace", verbose, "show what happens in the run");
  proof::ExplorationSettings short_histories{.letters = 0};
  std::string share;
  auto* exhaustive = options.app()
                         .add_option("--exhaustive", short_histories.letters,
                                     "every place to cut the power in each history of so many letters")
                         ->check(CLI::Range(1, 3))
                         ->excludes(one)
                         ->excludes(many);
  options.app()
      .add_option("--outcomes", short_histories.most_outcomes, "with --exhaustive: how many to look at after one cut")
      ->needs(exhaustive)
      ->capture_default_str();
  options.app()
      .add_option("--share", share, "with --exhaustive: the K-th of N shares of what cuts leave: K-N")
      ->needs(exhaustive);
  bool stops = false;
  options.app().add_flag("--stop-at-failure", stops, "end with the first run that fails");
  if (const auto status = options.read(console)) return *status;
  if (!share.empty()) {
    const auto part = read_range(share);
    if (!part || part->first == 0) return options.refuse(console, "--share takes K-N with K from 1 to N");
    std::tie(short_histories.first, short_histories.step) = *part;
  }
  if (short_histories.letters > 0) return run_exhaustive(short_histories, console);
  auto range = one->count() > 0 ? std::optional{Range{seed, seed}} : std::nullopt;
  if (many->count() > 0) range = read_range(seeds);
  if (!range) return options.refuse(console, "say --seed N, or --seeds A-B with A not above B");

  Totals totals;
  for (auto at = range->first;; ++at) {
    const auto show = [&console](std::string_view line) { console.print("{}\n", line); };
    const auto outcome = proof::simulate(at, verbose ? proof::Trace::Show{show} : proof::Trace::Show{});
    console.print("{}\n", outcome.line());
    totals.add(outcome);
    if (at == range->second || (stops && !outcome.is_good())) break;
  }
  print_figures(console, totals);
  console.print("sim: {} passed, {} failed of {}\n", totals.passed, totals.failed, totals.passed + totals.failed);
  return totals.failed == 0 ? ExitStatus::ok : ExitStatus::failed;
}

}  // namespace posthorn::cli
