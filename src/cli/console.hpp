// Console: the two streams a command speaks to. Results go to standard output, everything about them to standard error.
// Colour only on a terminal that wants it (NO_COLOR, TERM=dumb). Text from outside is cleaned before it comes here.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::cli {

enum class Paint : std::uint8_t { good, bad, warning, heading, faint };

class Console {
 public:
  struct Colours {
    bool out = false;
    bool error = false;
  };

  Console(std::FILE* out, std::FILE* error, Colours colours) : out_(out), error_(error), colours_(colours) {}
  /// Standard output and standard error.
  [[nodiscard]] static Console standard();

  /// A piece of the result; no line end is added.
  template <class... Values>
  void print(fmt::format_string<Values...> format, Values&&... values) {
    write(out_, fmt::format(format, std::forward<Values>(values)...));
  }

  /// A line about the result or in its place; the program's name stands in front.
  template <class... Values>
  void complain(fmt::format_string<Values...> format, Values&&... values) {
    write(error_, "posthorn: " + fmt::format(format, std::forward<Values>(values)...) + "\n");
  }

  /// Text on standard error as it is: progress, a usage message.
  template <class... Values>
  void remark(fmt::format_string<Values...> format, Values&&... values) {
    write(error_, fmt::format(format, std::forward<Values>(values)...));
  }

  /// `text`, painted where standard output (or standard error) takes colour.
  [[nodiscard]] std::string painted(Paint paint, std::string_view text) const;
  [[nodiscard]] std::string painted_error(Paint paint, std::string_view text) const;

  /// Whether all that was printed has gone out; a full disk or a closed pipe shows here.
  [[nodiscard]] bool flush();
  /// What could not be printed is given up and no fault: for commands whose result stands elsewhere.
  void drop_output();

 private:
  static void write(std::FILE* to, std::string_view text);

  std::FILE* out_;
  std::FILE* error_;
  Colours colours_;
};

}  // namespace posthorn::cli
