// How a server is reached, as `send` and `probe` are told it: the options they have in common.
#pragma once

#include <CLI/App.hpp>

#include <string>

namespace posthorn::cli {

struct ConnectionOptions {
  std::string tls = "starttls";
  bool verify = false;
  std::string hello_name;
  bool ipv4 = false, ipv6 = false;
};

/// --tls, --verify, --ehlo, -4, -6.
void declare(CLI::App& app, ConnectionOptions& into);

}  // namespace posthorn::cli
