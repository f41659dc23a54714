#include "cli/console.hpp"

#include "base/ascii.hpp"

#include <stdio_ext.h>
#include <unistd.h>

#include <cstdlib>

namespace posthorn::cli {
namespace {

/// https://no-color.org: set and not empty means none, whatever the terminal can do.
bool takes_colour(int descriptor) {
  const auto* no_color = std::getenv("NO_COLOR");
  const auto* terminal = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::string_view escape_of(Paint paint) {
  switch (paint) {
    case Paint::good:
      return "\x1b[32m";
    case Paint::bad:
      return "\x1b[31m";
    case Paint::warning:
      return "\x1b[33m";
    case Paint::heading:
      return "\x1b[1m";
    case Paint::faint:
      return "\x1b[2m";
  }
  return {};
}

std::string paint_if(bool wanted, Paint paint, std::string_view text) {
  return wanted ? fmt::format("{}{}\x1b[0m", escape_of(paint), text) : std::string(text);
}

}  // namespace

Console Console::standard() {
  return {stdout, stderr, {.out = takes_colour(STDOUT_FILENO), .error = takes_colour(STDERR_FILENO)}};
}

std::string Console::painted(Paint paint, std::string_view text) const { return paint_if(colours_.out, paint, text); }

std::string Console::painted_error(Paint paint, std::string_view text) const {
  return paint_if(colours_.error, paint, text);
}

bool Console::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

void Console::drop_output() {
  ::__fpurge(out_);
  std::clearerr(out_);
}

void Console::write(std::FILE* to, std::string_view text) {
  // What could not be written is seen by flush().
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), to));
}

}  // namespace posthorn::cli
