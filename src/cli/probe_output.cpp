#include "cli/probe_output.hpp"

#include "base/assert.hpp"
#include "base/clean_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <span>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;
using service::ProbeReport;
using service::ProbeStep;
using Failure = ProbeReport::Failure;

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }
double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

WallTime expiry_of(const world::TlsFacts& tls) { return WallTime{std::chrono::seconds{tls.peer_expires}}; }

Paint paint_of(const ProbeStep& step) {
  using enum smtp::ReplyMeaning;
  switch (step.verdict().meaning) {
    case success:
    case intermediate:
      return step.verdict().is_listed ? Paint::good : Paint::warning;
    case failure:
    case error:
      return Paint::bad;
  }
  bug("a meaning has a colour");
}

std::string meaning_of(const ProbeStep& step) {
  if (step.code == 0) return "no answer";
  return fmt::format("{}{}", service::name_of(step.verdict().meaning),
                     step.verdict().is_listed ? "" : " (by its first digit)");
}

void print_steps(const ProbeReport& report, Console& console) {
  console.print("\n{}\n",
                console.painted(Paint::heading, fmt::format("{:<12} {:>5} {:>11}  meaning", "step", "code", "time")));
  for (const auto& step : report.steps) {
    const auto code = step.code == 0 ? std::string("-") : std::to_string(step.code);
    const auto paint = step.code == 0 ? Paint::bad : paint_of(step);
    console.print("{:<12} {:>5} {:>8.1f} ms  {}\n", smtp::reply_row(step.command).name, code, milliseconds(step.took),
                  console.painted(paint, meaning_of(step)));
  }
}

void print_tls(const ProbeReport& report, WallTime now, Console& console) {
  if (!report.tls) return;
  const auto& tls = *report.tls;
  console.print("TLS: {}, {} ({} bits), handshake {:.1f} ms\n", tls.protocol, tls.cipher, tls.bits,
                milliseconds(report.handshake));
  if (tls.peer_subject.empty()) {
    console.print("     it showed no certificate\n");
    return;
  }
  const auto expires = expiry_of(tls);
  console.print("     certificate of {}, by {}, valid until {}{}\n", LogText(tls.peer_subject, 200).text(),
                LogText(tls.peer_issuer, 200).text(), to_rfc3339(expires), expires < now ? ": it is over" : "");
  if (tls.peer_verified) {
    console.print("     it proves the name {}\n", report.host);
  } else if (!tls.verify_error.empty()) {
    console.print("     not verified: {}\n", LogText(tls.verify_error, 200).text());
  }
}

ordered_json json_of(const ProbeStep& step) {
  const auto verdict = step.verdict();
  const bool answered = step.code != 0;
  return {{"command", smtp::reply_row(step.command).name},
          {"code", answered ? ordered_json(step.code) : ordered_json(nullptr)},
          {"reply", step.reply},
          {"ms", milliseconds(step.took)},
          {"meaning", answered ? ordered_json(service::name_of(verdict.meaning)) : ordered_json(nullptr)},
          {"listed", answered && verdict.is_listed}};
}

ordered_json json_of(const std::optional<world::TlsFacts>& tls, Duration handshake) {
  if (!tls) return nullptr;
  return {{"protocol", tls->protocol},
          {"cipher", tls->cipher},
          {"bits", tls->bits},
          {"subject", tls->peer_subject},
          {"issuer", tls->peer_issuer},
          {"expires", to_rfc3339(expiry_of(*tls))},
          {"verified", tls->peer_verified},
          {"verify_error", tls->verify_error},
          {"ms", milliseconds(handshake)}};
}

ordered_json or_null(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

ordered_json json_of(const ProbeReport& report) {
  auto steps = ordered_json::array();
  for (const auto& step : report.steps) steps.push_back(json_of(step));
  return {{"host", report.host},
          {"address", report.address ? ordered_json(report.address->to_string()) : ordered_json(nullptr)},
          {"ok", report.is_ok()},
          {"failed_at", or_null(report.failed_at)},
          {"reason", or_null(report.reason)},
          {"steps", steps},
          {"tls", json_of(report.tls, report.handshake)},
          {"ms", milliseconds(report.took)},
          {"notes", report.notes}};
}

/// What a monitor is told of one server.
struct Judgement {
  MonitorState state = MonitorState::ok;
  std::string text;
};

Judgement judge_certificate(const ProbeReport& report, const ProbeLimits& limits, WallTime now) {
  if (!report.tls || report.tls->peer_subject.empty()) return {};
  const auto left = expiry_of(*report.tls) - now;
  const auto days = std::chrono::duration_cast<std::chrono::days>(left).count();
  if (left <= WallTime::duration{}) return {MonitorState::critical, "the certificate is over"};
  if (left < limits.certificate) return {MonitorState::warning, fmt::format("the certificate ends in {} days", days)};
  return {};
}

Judgement judge(const ProbeReport& report, const ProbeLimits& limits, WallTime now) {
  if (report.failure == Failure::unknown_host) return {MonitorState::unknown, report.reason};
  if (!report.is_ok()) {
    // The server works; it asks to come back.
    const bool only_later = report.failure == Failure::refused_for_now && report.failed_at != "connection";
    return {only_later ? MonitorState::warning : MonitorState::critical,
            fmt::format("{}: {}", report.failed_at, report.reason)};
  }
  if (report.took >= limits.too_slow)
    return {MonitorState::critical, fmt::format("it took {:.3f} s", seconds(report.took))};
  const auto certificate = judge_certificate(report, limits, now);
  if (certificate.state == MonitorState::critical) return certificate;
  if (report.took >= limits.slow) return {MonitorState::warning, fmt::format("it took {:.3f} s", seconds(report.took))};
  if (certificate.state != MonitorState::ok) return certificate;
  if (!report.notes.empty()) return {MonitorState::warning, report.notes.front()};
  return {MonitorState::ok, fmt::format("it answered every step in {:.3f} s", seconds(report.took))};
}

std::string_view name_of(MonitorState state) {
  switch (state) {
    case MonitorState::ok:
      return "OK";
    case MonitorState::warning:
      return "WARNING";
    case MonitorState::critical:
      return "CRITICAL";
    case MonitorState::unknown:
      return "UNKNOWN";
  }
  bug("a state has a name");
}

/// Which of two states is the worse: not knowing stands between WARNING and CRITICAL.
int weight_of(MonitorState state) {
  constexpr std::array weights{0, 1, 3, 2};
  return weights.at(static_cast<std::size_t>(state));
}

/// A label of performance data: without quotes, equals signs and blanks.
std::string label(std::string_view host, std::string_view what) {
  auto text = host.empty() ? std::string(what) : fmt::format("{}_{}", host, what);
  std::ranges::replace_if(text, [](char c) { return c == ' ' || c == '=' || c == '\'' || c == '|'; }, '_');
  return text;
}

void add_performance(const ProbeReport& report, const ProbeLimits& limits, std::string_view host, std::string& into) {
  into += fmt::format(" '{}'={:.6f}s;{:.3f};{:.3f};0", label(host, "time"), seconds(report.took), seconds(limits.slow),
                      seconds(limits.too_slow));
  // A label may come once: EHLO before and after STARTTLS count together.
  std::map<std::string, Duration> steps;
  for (const auto& step : report.steps) steps[label(host, smtp::reply_row(step.command).name)] += step.took;
  for (const auto& [name, took] : steps) into += fmt::format(" '{}'={:.6f}s;;;0", name, seconds(took));
}

/// One line, and no bar but the one before the performance data.
std::string for_monitor(std::string_view text) {
  auto clean = LogText(text, 300).text();
  std::ranges::replace(clean, '|', '/');
  return clean;
}

std::string joined(std::span<const std::uint16_t> codes) {
  std::string text;
  for (const auto code : codes) text += fmt::format("{}{}", text.empty() ? "" : " ", code);
  return text.empty() ? "-" : text;
}

}  // namespace

void print_report(const ProbeReport& report, WallTime now, Console& console) {
  if (!report.steps.empty()) print_steps(report, console);
  print_tls(report, now, console);
  for (const auto& note : report.notes) console.print("note: {}\n", note);
  if (!report.is_ok()) console.print("failed at {}: {}\n", report.failed_at, report.reason);
  console.print("SMTP SERVER STATUS : {}\n",
                report.is_ok() ? console.painted(Paint::good, "OK") : console.painted(Paint::bad, "FAIL"));
}

void print_summary(const std::vector<ProbeReport>& reports, Console& console) {
  console.print("\n{}\n", console.painted(Paint::heading, "all mail hosts"));
  for (const auto& report : reports) {
    const auto verdict = report.is_ok() ? console.painted(Paint::good, "OK  ") : console.painted(Paint::bad, "FAIL");
    const auto why = report.is_ok() ? std::string{} : fmt::format("  {}: {}", report.failed_at, report.reason);
    console.print("{} {:>8.1f} ms  {}{}\n", verdict, milliseconds(report.took), report.host, why);
  }
  const bool all_work = std::ranges::all_of(reports, &ProbeReport::is_ok);
  console.print("SMTP SERVER STATUS : {}\n",
                all_work ? console.painted(Paint::good, "OK") : console.painted(Paint::bad, "FAIL"));
}

void print_json(const std::vector<ProbeReport>& reports, bool as_list, Console& console) {
  auto all = ordered_json::array();
  for (const auto& report : reports) all.push_back(json_of(report));
  const auto& shown = as_list ? all : all.front();
  console.print("{}\n", shown.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

MonitorState print_monitor(const std::vector<ProbeReport>& reports, const ProbeLimits& limits, WallTime now,
                           Console& console) {
  auto worst = MonitorState::ok;
  std::string text;
  std::string performance;
  for (const auto& report : reports) {
    const auto judgement = judge(report, limits, now);
    if (weight_of(judgement.state) > weight_of(worst)) worst = judgement.state;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", report.host, judgement.text);
    add_performance(report, limits, reports.size() > 1 ? std::string_view(report.host) : "", performance);
  }
  console.print("SMTP {} - {} |{}\n", name_of(worst), for_monitor(text), performance);
  return worst;
}

void print_codes(Console& console) {
  console.print("{:<12} {:<12} {:<6} {:<40} error\n", "command", "success", "go on", "failure");
  for (auto place = 0; place <= static_cast<int>(smtp::ProbedCommand::auth); ++place) {
    const auto& row = smtp::reply_row(static_cast<smtp::ProbedCommand>(place));
    console.print("{:<12} {:<12} {:<6} {:<40} {}\n", row.name, joined(row.success), joined(row.intermediate),
                  joined(row.failure), joined(row.error));
  }
}

void print_codes_json(Console& console) {
  auto rows = ordered_json::array();
  for (auto place = 0; place <= static_cast<int>(smtp::ProbedCommand::auth); ++place) {
    const auto& row = smtp::reply_row(static_cast<smtp::ProbedCommand>(place));
    rows.push_back({{"command", row.name},
                    {"success", row.success},
                    {"intermediate", row.intermediate},
                    {"failure", row.failure},
                    {"error", row.error}});
  }
  console.print("{}\n", rows.dump(2));
}

ExitStatus status_of(const ProbeReport& report) {
  switch (report.failure) {
    case Failure::none:
      return ExitStatus::ok;
    case Failure::unknown_host:
      return ExitStatus::no_host;
    case Failure::refused_for_now:
      return ExitStatus::temporary;
    case Failure::refused_for_good:
    case Failure::unavailable:
      return ExitStatus::unavailable;
    case Failure::protocol:
      return ExitStatus::protocol;
  }
  bug("a failure has a status");
}

}  // namespace posthorn::cli
