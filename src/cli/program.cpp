#include "cli/program.hpp"

#include <fmt/core.h>

#include <cstdio>

namespace posthorn::cli {

int run_program(int /*argc*/, char** /*argv*/) {
  fmt::print(stderr, "usage: posthorn COMMAND\n");
  return 64;
}

}  // namespace posthorn::cli
