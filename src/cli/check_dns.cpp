#include "cli/check_dns.hpp"

#include "base/clean_text.hpp"
#include "cli/client_world.hpp"
#include "cli/error_status.hpp"
#include "cli/load_configuration.hpp"
#include "mail/domain.hpp"
#include "service/domain_check.hpp"
#include "system/dns_service.hpp"
#include "system/unbound_resolver.hpp"
#include "world/silent_log.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;
using rules::Grade;
using Findings = std::vector<rules::DomainFinding>;

Result<Findings> look(const std::string& domain, const DnsCheckOptions& options,
                      const config::Configuration& configuration) {
  auto world = ClientWorld::make();
  if (!world) return failure(std::move(world.error()));
  world::SilentLog log;  // whether answers are validated shows in the findings
  const system::SystemClock clock;
  auto dns = system::DnsService::make(
      {.servers = configuration.dns.servers, .trust_anchor = configuration.dns.trust_anchor}, clock, log);
  if (!dns) return failure(std::move(dns.error()).context("DNS"));
  system::UnboundResolver resolver((*world)->loop(), **dns);
  service::DomainCheck check((*world)->loop(), resolver, {.dkim_selectors = options.selectors});
  return (*world)->run(check.run(domain));
}

Paint paint_of(Grade grade) {
  switch (grade) {
    case Grade::good:
      return Paint::good;
    case Grade::fault:
      return Paint::bad;
    case Grade::note:
      return Paint::faint;
    case Grade::warning:
    case Grade::unknown:
      return Paint::warning;
  }
  return Paint::warning;
}

void print_text(const Findings& findings, Console& console) {
  for (const auto& finding : findings) {
    const auto grade = console.painted(paint_of(finding.grade), fmt::format("{:7}", name_of(finding.grade)));
    console.print("{}  {:7}  {}: {}\n", grade, finding.subject, LogText{finding.name}.text(),
                  LogText{finding.text}.text());
  }
}

void print_json(const std::string& domain, const Findings& findings, bool ok, Console& console) {
  auto list = ordered_json::array();
  for (const auto& finding : findings) {
    list.push_back({{"grade", name_of(finding.grade)},
                    {"subject", finding.subject},
                    {"name", LogText{finding.name}.text()},
                    {"text", LogText{finding.text}.text()}});
  }
  const ordered_json result{{"domain", domain}, {"ok", ok}, {"findings", list}};
  console.print("{}\n", result.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

ExitStatus status_of(const Findings& findings) {
  const auto has = [&](Grade grade) {
    return std::ranges::find(findings, grade, &rules::DomainFinding::grade) != findings.end();
  };
  if (has(Grade::fault)) return ExitStatus::bad_data;
  return has(Grade::unknown) ? ExitStatus::temporary : ExitStatus::ok;
}

}  // namespace

ExitStatus check_dns(const DnsCheckOptions& options, Console& console) {
  const auto domain = mail::Domain::parse(options.domain);
  if (!domain || domain->is_literal()) {
    console.remark("posthorn: --dns: that is no domain{}\n", domain ? "" : ": " + domain.error().text);
    return ExitStatus::bad_data;
  }
  const auto configuration = load_configuration(options.configuration);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  const auto findings = look(domain->text(), options, *configuration);
  if (!findings) {
    console.remark("posthorn: {}\n", findings.error().text);
    return status_of(findings.error());
  }
  const auto status = status_of(*findings);
  options.json ? print_json(domain->text(), *findings, status == ExitStatus::ok, console)
               : print_text(*findings, console);
  return status;
}

}  // namespace posthorn::cli
