#include "cli/probe_command.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "cli/client_world.hpp"
#include "cli/load_configuration.hpp"
#include "cli/mx_lookup.hpp"
#include "cli/options.hpp"
#include "cli/probe_output.hpp"
#include "cli/send_options.hpp"
#include "mail/domain.hpp"
#include "service/memory_file.hpp"
#include "service/probe.hpp"
#include "system/own_user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr const char* purpose =
    "Tells whether a mail server works: connects, greets, sends a short mail (or none, with --no-send) and takes its "
    "leave, "
    "prints each line sent after >>> and each received after <<<, how long each step took and what the protocol says "
    "of each "
    "reply code, and ends with the line SMTP SERVER STATUS : OK or FAIL.\n\n"
    "Without FROM the sender is empty (<>), as in a bounce; without TO the mail is for the server's postmaster, whom "
    "every "
    "server has to know. No wait lasts longer than --timeout: a silent server is a FAIL with its reason.\n\n"
    "With --commands the server is asked, after the mail, for the commands of RFC 821 that no mail needs. It may "
    "refuse them all but NOOP and RSET. No answer, a closed connection, a reply that is none: a FAIL with these, too."
    "\n\n"
    "With --mx DOMAIN every mail host of the domain is tried, the most preferred first, and the words are FROM TO "
    "DATA.";

constexpr const char* ending =
    "Exit status: 0 OK; 64 wrong usage; 65 an address is none; 68 the host is not known; 69 FAIL: refused for good, "
    "not reached, "
    "no answer in time, no TLS; 75 FAIL: refused for the moment; 76 FAIL: the server broke the protocol. With "
    "--monitor: 0 OK, "
    "1 WARNING, 2 CRITICAL, 3 UNKNOWN. With --mx the worst of all hosts counts.\n\n"
    "Examples:\n"
    "  posthorn probe mx.example.org --no-send\n"
    "  posthorn probe mail.example.org alice@example.org bob@example.org --tls require\n"
    "  posthorn probe mx.example.org --no-send --commands\n"
    "  posthorn probe --mx example.org --no-send\n"
    "  posthorn probe mail.example.org --tls implicit --no-send --monitor --warning 2s --critical 8s";

struct ProbeOptions : ConnectionOptions {
  std::string host, from, to, data;
  std::string mx, configuration;
  std::uint16_t port = 0;
  std::string timeout = "2s";
  bool no_send = false;
  bool json = false;
  bool monitor = false;
  bool codes = false;
  bool helo = false;
  bool commands = false;
  std::string warning = "5s", critical = "10s", certificate = "14d";
};

void declare(CLI::App& app, ProbeOptions& into) {
  app.add_option("HOST", into.host, "the server: a name or an address");
  app.add_option("FROM", into.from, "the sender's address; default: none (<>)");
  app.add_option("TO", into.to, "the recipient's address; default: the server's postmaster");
  app.add_option("DATA", into.data, "the text of the mail");
  app.add_option("--mx", into.mx, "try every mail host of this domain instead of HOST");
  app.add_option("-p,--port", into.port, "the port; default 25, with --tls implicit 465")->check(CLI::Range(1, 65'535));
  app.add_option("--timeout", into.timeout, "limit of each wait")->capture_default_str();
  declare(app, static_cast<ConnectionOptions&>(into));
  app.add_flag("--no-send", into.no_send, "stop before DATA: RSET, and no mail");
  app.add_flag("--helo", into.helo, "greet with HELO at once, without extensions");
  app.add_flag("--commands", into.commands,
               "ask afterwards for what no mail needs, too: HELP, NOOP, VRFY, EXPN, SEND, SOML, SAML, TURN");
  app.add_flag("--json", into.json, "print what was found as JSON instead");
  app.add_flag("--monitor", into.monitor, "print one line for Nagios and its kin instead, with performance data");
  app.add_option("--warning", into.warning, "with --monitor: WARNING when all steps together take so long")
      ->capture_default_str();
  app.add_option("--critical", into.critical, "with --monitor: CRITICAL when they take so long")->capture_default_str();
  app.add_option("--certificate", into.certificate, "with --monitor: WARNING when the certificate ends sooner")
      ->capture_default_str();
  app.add_option(
      "-c,--config", into.configuration,
      "configuration file, for the DNS servers that --mx asks (else $POSTHORN_CONFIG, else the usual place)");
  app.add_flag("--codes", into.codes, "print which reply codes mean what for each command, and end");
  app.footer(ending);
}

/// The options, judged.
struct ProbePlan {
  service::ServerAccess access;
  service::ProbeOrder order;
  ProbeLimits limits;
  system::HostFamily family = system::HostFamily::any;
  std::string text;
};

std::unexpected<Refusal> refuse(ExitStatus status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}

Judged<std::optional<mail::Address>> parse_address(std::string_view what, const std::string& text) {
  if (text.empty() || text == "<>") return std::nullopt;
  auto address = mail::Address::parse(text);
  if (address) return std::move(*address);
  return refuse(ExitStatus::bad_data, fmt::format("{} is no address: {}", what, address.error().text));
}

Judged<> read_order(const ProbeOptions& options, ProbePlan& plan) {
  auto sender = parse_address("FROM", options.from);
  if (!sender) return std::unexpected(sender.error());
  auto recipient = parse_address("TO", options.to);
  if (!recipient) return std::unexpected(recipient.error());
  plan.order = {.sender = std::move(*sender),
                .recipient = std::move(*recipient),
                .sends = !options.no_send,
                .tours = options.commands};
  plan.text = options.data.empty()
                  ? "This mail was sent to find out whether this server works. Nobody needs to answer it.\n"
                  : options.data;
  return {};
}

Judged<> read_access(const ProbeOptions& options, ProbePlan& plan) {
  const auto tls = service::parse_client_tls(options.tls);
  if (!tls) return refuse(ExitStatus::usage, "--tls is none, starttls, require or implicit");
  if (options.ipv4 && options.ipv6) return refuse(ExitStatus::usage, "-4 and -6 exclude each other");
  auto& access = plan.access;
  access.host = without_brackets(options.host);
  access.tls = *tls;
  access.verifies_certificate = options.verify;
  access.extended_hello = !options.helo;
  access.hello_name = options.hello_name.empty() ? own_hello_name() : options.hello_name;
  if (!mail::Domain::parse(access.hello_name)) return refuse(ExitStatus::usage, "--ehlo: that is no host name");
  plan.family = options.ipv4 ? system::HostFamily::v4 : options.ipv6 ? system::HostFamily::v6 : system::HostFamily::any;
  return {};
}

Judged<> read_limits(const ProbeOptions& options, ProbePlan& plan) {
  Duration timeout{};
  for (const auto& [option, text, into] :
       {std::tuple{"--timeout", &options.timeout, &timeout},
        std::tuple{"--warning", &options.warning, &plan.limits.slow},
        std::tuple{"--critical", &options.critical, &plan.limits.too_slow},
        std::tuple{"--certificate", &options.certificate, &plan.limits.certificate}}) {
    const auto wait = parse_wait(option, *text);
    if (!wait) return std::unexpected(wait.error());
    *into = *wait;
  }
  plan.access.timeout = timeout;
  return {};
}

Judged<ProbePlan> judge(const ProbeOptions& options) {
  if (std::ranges::any_of(options.host, ascii::is_control))
    return refuse(ExitStatus::bad_data, "HOST has control characters");
  ProbePlan plan;
  for (const auto read : {read_order, read_access, read_limits}) {
    if (const auto done = read(options, plan); !done) return std::unexpected(done.error());
  }
  return plan;
}

service::ProbeReport unknown_host(const ProbePlan& plan, const Error& error) {
  return {.host = plan.access.host,
          .failure = service::ProbeReport::Failure::unknown_host,
          .failed_at = "connection",
          .reason = LogText(error.text).text()};
}

mail::NewMessage head_for(const ProbePlan& plan) {
  const system::SystemClock clock;
  system::KernelRandom random;
  const auto now = clock.wall();
  const auto prober = mail::Address::parse("posthorn-probe@" + plan.access.hello_name);
  mail::NewMessage head{.from = {"", plan.order.sender.value_or(*prober)},
                        .subject = "Test of this server by posthorn probe",
                        .message_id = fmt::format("{:016x}@{}", random.next(), plan.access.hello_name),
                        .date = now,
                        .zone = system::zone_at(now)};
  if (plan.order.recipient) head.to.push_back({"", *plan.order.recipient});
  return head;
}

Result<service::FileLetter> make_letter(const ProbePlan& plan) {
  std::vector<service::LetterInput> inputs;
  inputs.push_back({.file = std::make_unique<service::MemoryFile>(plan.text), .name = {}});
  return service::FileLetter::make(head_for(plan), "=_posthorn_probe", std::move(inputs));
}

/// One conversation. 7-bit text goes through every server.
Result<service::ProbeReport> probe_one(ProbePlan& plan, const std::function<void(std::string_view)>& show) {
  const auto letter = make_letter(plan);
  if (!letter) return failure(letter.error());
  auto world = ClientWorld::make();
  if (!world) return failure(std::move(world.error()));
  auto reader = letter->read(false);
  const auto octets = reader.measure();
  if (!octets) return failure(octets.error());
  service::LetterText text(std::move(reader), *octets, (*world)->workers());
  service::ProbeRecord record((*world)->loop(), show);
  service::Probe probe((*world)->network(), plan.access, plan.order, record);
  return (*world)->run(probe.run(text));
}

std::uint16_t port_of(const ProbePlan& plan, const ProbeOptions& options) {
  if (options.port != 0) return options.port;
  return plan.access.tls == service::ClientTls::implicit ? 465 : 25;
}

/// One host, whose addresses stand in the plan.
Result<service::ProbeReport> probe_shown(ProbePlan& plan, const ProbeOptions& options, Console& console) {
  const bool shows = !options.json && !options.monitor;
  return probe_one(plan, [&console, shows](std::string_view line) {
    if (!shows) return;
    console.print("{}\n", line);
    static_cast<void>(console.flush());
  });
}

Result<service::ProbeReport> probe(ProbePlan& plan, const ProbeOptions& options, Console& console) {
  auto endpoints = find_endpoints(plan.access.host, port_of(plan, options), plan.family, *plan.access.timeout);
  if (!endpoints) return unknown_host(plan, endpoints.error());
  plan.access.endpoints = std::move(*endpoints);
  return probe_shown(plan, options, console);
}

Judged<MxQuestion> mx_question(const ProbePlan& plan, const ProbeOptions& options) {
  const auto domain = mail::Domain::parse(options.mx);
  if (!domain) return refuse(ExitStatus::bad_data, "--mx: that is no domain: " + domain.error().text);
  MxQuestion question{.domain = domain->text(),
                      .port = port_of(plan, options),
                      .dns_servers = {},
                      .trust_anchor = {},
                      .timeout = *plan.access.timeout};
  if (options.ipv4) question.families = rules::AddressFamilies::ipv4;
  if (options.ipv6) question.families = rules::AddressFamilies::ipv6;
  const auto configuration = load_configuration(options.configuration);
  if (configuration) {
    question.dns_servers = configuration->dns.servers;
    question.trust_anchor = configuration->dns.trust_anchor;
  } else if (!options.configuration.empty()) {
    return refuse(configuration.error().status, configuration.error().lines.front());
  }
  return question;
}

/// Every mail host of the domain; one report says why where there is none.
Result<std::vector<service::ProbeReport>> probe_all(ProbePlan& plan, const MxQuestion& question,
                                                    const ProbeOptions& options, Console& console) {
  plan.access.host = question.domain;
  auto hosts = find_mx_hosts(question);
  if (!hosts) return std::vector{unknown_host(plan, hosts.error())};
  std::vector<service::ProbeReport> reports;
  for (auto& host : *hosts) {
    plan.access.host = host.name;
    if (!options.json && !options.monitor) {
      console.print("{}{}\n", reports.empty() ? "" : "\n",
                    console.painted(Paint::heading, fmt::format("{} (MX {})", host.name, host.preference)));
    }
    if (host.endpoints.empty()) {
      reports.push_back(unknown_host(plan, Error{Error::Kind::not_found, host.why}));
    } else {
      plan.access.endpoints = std::move(host.endpoints);
      auto report = probe_shown(plan, options, console);
      if (!report) return failure(std::move(report.error()));
      reports.push_back(std::move(*report));
    }
    if (!options.json && !options.monitor) print_report(reports.back(), system::SystemClock{}.wall(), console);
  }
  return reports;
}

/// The worst of them.
ExitStatus worst_status(const std::vector<service::ProbeReport>& reports) {
  const auto worst = std::ranges::max_element(reports, {}, &service::ProbeReport::failure);
  return status_of(*worst);
}

ExitStatus show(const std::vector<service::ProbeReport>& reports, bool as_list, const ProbeOptions& options,
                const ProbePlan& plan, Console& console) {
  const auto now = system::SystemClock{}.wall();
  if (options.monitor) return static_cast<ExitStatus>(print_monitor(reports, plan.limits, now, console));
  if (options.json) {
    print_json(reports, as_list, console);
  } else if (!as_list) {
    print_report(reports.front(), now, console);
  } else {
    print_summary(reports, console);
  }
  return worst_status(reports);
}

/// With --mx no word is the host.
void make_room(ProbeOptions& options) {
  options.data = std::exchange(options.to, std::exchange(options.from, std::exchange(options.host, {})));
}

/// A monitor knows four statuses only.
ExitStatus end_with(ExitStatus status, const Invocation& invocation) {
  const bool monitors = std::ranges::find(invocation.arguments, "--monitor") != invocation.arguments.end();
  return monitors && status != ExitStatus::ok ? static_cast<ExitStatus>(MonitorState::unknown) : status;
}

}  // namespace

ExitStatus run_probe(const Invocation& invocation, Console& console) {
  ProbeOptions options;
  Options reader(invocation, purpose);
  declare(reader.app(), options);
  if (const auto status = reader.read(console)) return end_with(*status, invocation);
  std::signal(SIGPIPE, SIG_IGN);
  if (options.codes) {
    options.json ? print_codes_json(console) : print_codes(console);
    return ExitStatus::ok;
  }
  const bool asks_mx = !options.mx.empty();
  if (asks_mx) make_room(options);
  if (options.host.empty() && !asks_mx) {
    return end_with(reader.refuse(console, "which server? HOST [FROM] [TO] [DATA]"), invocation);
  }
  const auto refused = [&](const Refusal& refusal) {
    console.complain("{}", refusal.text);
    return end_with(refusal.status, invocation);
  };
  auto plan = judge(options);
  if (!plan) return refused(plan.error());
  if (!asks_mx) {
    const auto report = probe(*plan, options, console);
    if (report) return show({*report}, false, options, *plan, console);
    return refused({ExitStatus::system_fault, report.error().text});
  }
  const auto question = mx_question(*plan, options);
  if (!question) return refused(question.error());
  const auto reports = probe_all(*plan, *question, options, console);
  if (reports) return show(*reports, true, options, *plan, console);
  return refused({ExitStatus::system_fault, reports.error().text});
}

}  // namespace posthorn::cli
