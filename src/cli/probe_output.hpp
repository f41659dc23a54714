// How `probe` says what it found: for people, as JSON, as one line for Nagios and its kin (Monitoring Plugins Development
// Guidelines).
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"
#include "service/probe.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

struct ProbeLimits {
  Duration slow = std::chrono::seconds{5};       ///< --warning: WARNING from here
  Duration too_slow = std::chrono::seconds{10};  ///< --critical
  Duration certificate = std::chrono::days{14};  ///< --certificate: WARNING when it ends sooner
};

/// 0, 1, 2, 3: what monitors understand.
enum class MonitorState : std::uint8_t { ok, warning, critical, unknown };

/// The table of steps, TLS, notes, and the verdict as the last line.
void print_report(const service::ProbeReport& report, WallTime now, Console& console);
/// One line for each of several servers, and the verdict on all of them as the last.
void print_summary(const std::vector<service::ProbeReport>& reports, Console& console);
/// One object, or with `as_list` an array of them.
void print_json(const std::vector<service::ProbeReport>& reports, bool as_list, Console& console);
/// One line with performance data; the state of the worst of them.
[[nodiscard]] MonitorState print_monitor(const std::vector<service::ProbeReport>& reports, const ProbeLimits& limits,
                                         WallTime now, Console& console);
/// The codes of every command, as the probe judges them.
void print_codes(Console& console);
/// The same as an array.
void print_codes_json(Console& console);

[[nodiscard]] ExitStatus status_of(const service::ProbeReport& report);

}  // namespace posthorn::cli
