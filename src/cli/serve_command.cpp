#include "cli/serve_command.hpp"

#include "cli/serve_options.hpp"
#include "cli/supervisor.hpp"

#include <utility>

namespace posthorn::cli {

ExitStatus run_serve(const Invocation& invocation, Console& console) {
  auto options = read_serve_options(invocation, console);
  if (!options) return options.error();
  Supervisor supervisor(std::move(*options), console);
  return supervisor.run();
}

}  // namespace posthorn::cli
