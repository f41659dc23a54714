#include "cli/check_command.hpp"

#include "cli/check_dns.hpp"
#include "cli/check_files.hpp"
#include "cli/check_machine.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "config/advice.hpp"
#include "system/account.hpp"
#include "system/posix_disk.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;

/// All that is to be said about one configuration.
struct Verdict {
  std::string file;
  ExitStatus status = ExitStatus::ok;
  std::vector<config::Fault> reader_faults;  ///< with their places
  std::vector<Finding> findings;
};

ServerAccount account_of_this_process() {
  ServerAccount account{.user = ::geteuid(), .groups = {::getegid()}};
  return account;
}

/// Whom the server would run as when root starts it; whoever runs this command otherwise.
ServerAccount find_server_account(const config::Process& process, std::vector<Finding>& findings) {
  if (process.user.empty()) return account_of_this_process();
  const auto account = system::find_account(process.user, process.group);
  if (account) return {.user = account->user, .groups = {account->groups.begin(), account->groups.end()}};
  findings.push_back({system::is_root(), "process.user", account.error().text});
  return account_of_this_process();
}

void examine(const config::Configuration& configuration, Verdict& verdict) {
  for (auto& advice : config::advice_on(configuration)) {
    verdict.findings.push_back({false, std::move(advice.key), std::move(advice.text)});
  }
  const auto account = find_server_account(configuration.process, verdict.findings);
  system::PosixDisk disk;
  auto on_disk = check_files(configuration, disk, account);
  std::ranges::move(on_disk, std::back_inserter(verdict.findings));
  std::ranges::move(check_machine(configuration, disk), std::back_inserter(verdict.findings));
  if (std::ranges::any_of(verdict.findings, &Finding::is_fault)) verdict.status = ExitStatus::configuration;
}

Verdict judge(const std::string& given) {
  Verdict verdict{.file = configuration_path(given)};
  const auto configuration = load_configuration(given);
  if (configuration) {
    examine(*configuration, verdict);
    return verdict;
  }
  const auto& faults = configuration.error();
  verdict.status = faults.status;
  verdict.reader_faults = faults.faults;
  if (faults.faults.empty()) {
    for (const auto& line : faults.lines) verdict.findings.push_back({true, verdict.file, line});
  }
  return verdict;
}

void print_json(const Verdict& verdict, Console& console) {
  auto faults = ordered_json::array();
  auto warnings = ordered_json::array();
  for (const auto& fault : verdict.reader_faults) {
    faults.push_back({{"file", verdict.file},
                      {"line", fault.place.line},
                      {"column", fault.place.column},
                      {"key", fault.key},
                      {"text", fault.text}});
  }
  for (const auto& finding : verdict.findings) {
    (finding.is_fault ? faults : warnings).push_back({{"where", finding.where}, {"text", finding.text}});
  }
  const ordered_json result{
      {"file", verdict.file}, {"ok", verdict.status == ExitStatus::ok}, {"faults", faults}, {"warnings", warnings}};
  console.print("{}\n", result.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

void print_text(const Verdict& verdict, Console& console) {
  for (const auto& fault : verdict.reader_faults) console.remark("{}\n", fault.to_string(verdict.file));
  for (const auto& finding : verdict.findings) {
    const auto word = finding.is_fault ? console.painted_error(Paint::bad, "fault")
                                       : console.painted_error(Paint::warning, "warning");
    console.remark("{}: {}: {}\n", word, finding.where, finding.text);
  }
  const auto warnings = std::ranges::count(verdict.findings, false, &Finding::is_fault);
  if (verdict.status == ExitStatus::ok) {
    const auto good = console.painted(Paint::good, "good");
    console.print("{} is {}{}\n", verdict.file, good, warnings == 0 ? "" : fmt::format(", {} warnings", warnings));
  }
}

}  // namespace

ExitStatus run_check(const Invocation& invocation, Console& console) {
  Options options(invocation,
                  "Is this configuration good? Names each fault by file, line, column and key. With --dns DOMAIN: is "
                  "what DNS says of this "
                  "mail domain good? Judges MX, A, AAAA, PTR, SPF, DKIM, DMARC, MTA-STS and TLSA.");
  std::string file;
  DnsCheckOptions dns;
  bool as_json = false;
  options.app().add_option("-c,--config", file, "the configuration file");
  options.app().add_flag("--json", as_json, "print the findings as JSON");
  auto* const domain = options.app().add_option("--dns", dns.domain, "judge what DNS says of this domain instead");
  options.app()
      .add_option("--selector", dns.selectors, "with --dns: judge the DKIM key of this selector (may be repeated)")
      ->needs(domain);
  options.app().footer(
      "Exit status: 0 good; 65 a fault in DNS; 66 the file cannot be read; 75 DNS did not answer; 78 a fault in the "
      "configuration.");
  if (const auto status = options.read(console)) return *status;
  if (!dns.domain.empty()) {
    dns.configuration = file;
    dns.json = as_json;
    return check_dns(dns, console);
  }
  const auto verdict = judge(file);
  as_json ? print_json(verdict, console) : print_text(verdict, console);
  return verdict.status;
}

}  // namespace posthorn::cli
