#include "base/assert.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace posthorn {

void bug(std::string_view claim, std::source_location where) {
  fmt::print(stderr, "posthorn: bug at {}:{} in {}: {}\n", where.file_name(), where.line(), where.function_name(),
             claim);
  std::abort();
}

}  // namespace posthorn
