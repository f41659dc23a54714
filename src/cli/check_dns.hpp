// `posthorn check --dns DOMAIN`: what DNS says of a mail domain, and what is wrong with it. DNS is asked as the configuration
// says. Blocks.
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <string>
#include <vector>

namespace posthorn::cli {

struct DnsCheckOptions {
  std::string domain;
  std::vector<std::string> selectors;  ///< of DKIM
  std::string configuration;           ///< empty: the usual place, which need not be there
  bool json = false;
};

/// ok; bad_data: a fault, or no domain; temporary: no fault, but DNS did not answer all questions; configuration and the like.
[[nodiscard]] ExitStatus check_dns(const DnsCheckOptions& options, Console& console);

}  // namespace posthorn::cli
