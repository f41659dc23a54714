#include "cli/connection_options.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace posthorn::cli {

void declare(CLI::App& app, ConnectionOptions& into) {
  app.add_option("--tls", into.tls,
                 "none, starttls (where it is offered), require (STARTTLS or nothing), implicit (from the first byte)")
      ->capture_default_str();
  app.add_flag("--verify", into.verify, "the certificate must prove the server's name");
  app.add_option("--ehlo", into.hello_name, "the name to greet with; default: this machine's");
  app.add_flag("-4", into.ipv4, "IPv4 only");
  app.add_flag("-6", into.ipv6, "IPv6 only");
}

}  // namespace posthorn::cli
