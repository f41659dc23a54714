// The text of a message in an mbox, as mboxrd has it: "From sender date" before it, ">" before each line of it that is
// "From " behind any number of ">", an empty line behind it. Reading takes one ">" away again, so that nothing is lost.
#pragma once

#include "base/time.hpp"
#include "mail/address.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::store {

/// "From alice@example.org Sun Nov 29 15:04:05 2026" with CRLF; UTC; MAILER-DAEMON for the null reverse-path.
[[nodiscard]] std::string from_line(const std::optional<mail::Address>& sender, WallTime arrival);

/// Takes text with LF ends. Streaming: how it is cut into pieces makes no difference; memory is constant.
class FromQuoter {
 public:
  /// Appends to `out`.
  void feed(std::string_view text, std::string& out);
  /// There is no more: ends the last line, and the message.
  void finish(std::string& out);

 private:
  void decide(std::string& out);

  bool at_start_ = true;     // of a line, or in what may be its "From "
  std::size_t marks_ = 0;    // ">" seen
  std::size_t matched_ = 0;  // octets of "From " seen
};

}  // namespace posthorn::store
