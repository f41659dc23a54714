#include "cli/serve_options.hpp"

#include "cli/options.hpp"

namespace posthorn::cli {
namespace {

void declare(CLI::App& app, ServeOptions& into) {
  auto& overrides = into.overrides;
  app.add_option("-c,--config", into.configuration, "configuration file (else $POSTHORN_CONFIG, else the usual place)");
  app.add_option("-R,--mail-root", overrides.mail_root, "folder of all mailboxes");
  app.add_option("-s,--domain", overrides.domains, "a domain whose mail is ours; may be repeated");
  app.add_option("-i,--interface", overrides.interface, "listen on this network interface only");
  app.add_option("-p,--port", overrides.port, "listen on this port only");
  app.add_flag("-l,--loopback", overrides.loopback, "listen on loopback only");
  app.add_option("-j,--log", overrides.log_file, "log file; default: standard error");
  app.add_option("-n,--log-level", overrides.log_level, "error, warning, info or debug");
  app.add_flag("-D,--debug", overrides.debug, "log level debug");
  app.add_option("-u,--users", overrides.users_file, "file of the local users");
  app.add_flag("--adopt-spool", into.adopt_spool,
               "take over a spool that another machine wrote: mail that it sent since may be sent again");
}

}  // namespace

std::expected<ServeOptions, ExitStatus> read_serve_options(const Invocation& invocation, Console& console) {
  ServeOptions options;
  Options reader(invocation, "Runs the mail server in the foreground.");
  declare(reader.app(), options);
  if (const auto status = reader.read(console)) return std::unexpected(*status);
  options.words = invocation.arguments;
  return options;
}

}  // namespace posthorn::cli
