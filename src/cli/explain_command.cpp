#include "cli/explain_command.hpp"

#include "base/clean_text.hpp"
#include "base/message_id.hpp"
#include "cli/control_call.hpp"
#include "cli/directory_settings.hpp"
#include "cli/error_status.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "cli/queue_table.hpp"
#include "cli/serve_mailboxes.hpp"
#include "cli/serve_settings.hpp"
#include "service/explainer.hpp"
#include "store/directory_files.hpp"
#include "system/account.hpp"
#include "system/clock.hpp"
#include "system/dns_service.hpp"
#include "system/event_loop.hpp"
#include "system/machine.hpp"
#include "system/posix_disk.hpp"
#include "system/unbound_resolver.hpp"
#include "world/silent_log.hpp"

#include <utility>

namespace posthorn::cli {
namespace {

struct Request {
  std::string what;
  std::string socket;
  bool as_json = false;
};

ExitStatus explain_message(const Request& request, Console& console) {
  std::string body;
  const auto status = call_control(request.socket, {"GET", "/api/queue/" + query_text(request.what)},
                                   [&](std::string_view octets) { body += octets; });
  if (!status) return tell_no_answer(status.error(), request.socket, console);
  if (*status != 200) return tell_refusal(*status, body, console);
  if (request.as_json) {
    console.print("{}", body);
  } else {
    print_fate(body, console);
  }
  return ExitStatus::ok;
}

/// As the server reads them; where this account may not, it is said that it may not, and not that the file does not count.
service::ForwardSource forward_source_here(world::Disk& disk, const config::Configuration& configuration) {
  const auto server = system::find_account(configuration.process.user, configuration.process.group);
  const store::MailboxOwner account = server ? store::MailboxOwner{server->user, server->group}
                                             : store::MailboxOwner{system::user_id(), system::group_id()};
  auto source = make_forward_source(disk, configuration, account);
  if (!source) return source;
  return [source = std::move(source), may_read = system::is_root() || system::user_id() == account.user](
             const std::string& user) -> Result<std::optional<store::Forward>> {
    auto forward = source(user);
    if (!forward && forward.error().kind == Error::Kind::not_found) return std::nullopt;
    if (forward || may_read || forward.error().kind != Error::Kind::not_permitted) return forward;
    return failure(Error::Kind::io, forward.error().text + "; root and the server's account may read it");
  };
}

Result<service::Explanation> explain_here(world::Disk& disk, const config::Configuration& configuration,
                                          const std::string& address,
                                          std::shared_ptr<const rules::Directory> directory) {
  const system::SystemClock clock;
  system::KernelRandom random;
  world::SilentLog log;
  auto loop = system::EventLoop::make(clock);
  if (!loop) return failure(std::move(loop.error()));
  auto dns = system::DnsService::make(
      {.servers = configuration.dns.servers, .trust_anchor = configuration.dns.trust_anchor}, clock, log);
  if (!dns) return failure(std::move(dns.error()).context("[dns]"));
  system::UnboundResolver resolver(**loop, **dns);
  const service::Snapshot<rules::Routing> routing(make_routing(configuration));
  const service::Explainer explainer(
      {**loop, resolver, random, [&directory] { return directory; }, routing, forward_source_here(disk, configuration)},
      make_explainer_settings(configuration, {}));
  return system::run_to_end(**loop, explainer.explain(address));
}

ExitStatus explain_address(const config::Configuration& configuration, const Request& request, Console& console) {
  system::PosixDisk disk;
  auto loaded = store::load_directory(disk, directory_settings(configuration));
  if (!loaded) {
    console.complain("{}", loaded.error().text);
    return status_of(loaded.error());
  }
  if (const auto address = service::Explainer::address_of(request.what, *loaded->directory); !address) {
    console.complain("{} is neither an address nor a message id: {}", LogText(request.what).text(),
                     LogText(address.error().text).text());
    return ExitStatus::bad_data;
  }
  for (const auto& fault : loaded->faults) console.complain("{}", fault.to_string());
  const auto told = explain_here(disk, configuration, request.what, std::move(loaded->directory));
  if (!told) {
    console.complain("{}", told.error().text);
    return status_of(told.error());
  }
  const auto json = to_json(*told);
  if (request.as_json) {
    console.print("{}\n", json);
  } else {
    print_explanation(json, console);
  }
  return ExitStatus::ok;
}

}  // namespace

ExitStatus run_explain(const Invocation& invocation, Console& console) {
  Options options(
      invocation,
      "What would happen to mail for an address, by the configuration and the DNS of now (no server need run); or "
      "what happened to a message, by its id, and what comes next.");
  Request request;
  std::string file;
  auto& app = options.app();
  app.add_option("ADDRESS|ID", request.what, "an address, a name in the first of our domains, or a message id")
      ->required();
  app.add_option("-c,--config", file, "the configuration file");
  app.add_option("--socket", request.socket, "the server's control socket");
  app.add_flag("--json", request.as_json, "print it as JSON");
  if (const auto status = options.read(console)) return *status;

  const bool is_message = MessageId::parse(request.what).has_value();
  if (is_message && !request.socket.empty()) return explain_message(request, console);
  const auto configuration = load_configuration(file);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  if (!is_message) return explain_address(*configuration, request, console);
  request.socket = configuration->admin.socket;
  return explain_message(request, console);
}

}  // namespace posthorn::cli
