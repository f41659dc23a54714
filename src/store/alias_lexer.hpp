// The pieces of an aliases file: logical lines, and lists cut at commas. Views into the text where possible.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

/// A line with those that continue it, line ends turned to blanks; neither empty nor a comment.
struct LogicalLine {
  std::string text;
  unsigned line = 0;  ///< the first
};

[[nodiscard]] std::vector<LogicalLine> logical_lines_of(std::string_view text);

/// The position of the first `wanted` outside of quotes; npos: there is none.
[[nodiscard]] std::size_t find_unquoted(std::string_view text, char wanted);

/// The pieces between commas outside of quotes, trimmed; empty ones are left out.
[[nodiscard]] std::vector<std::string_view> pieces_of(std::string_view text);

/// What a text that is quoted as a whole means; any other text as it is.
[[nodiscard]] std::string unquoted(std::string_view text);

}  // namespace posthorn::store
