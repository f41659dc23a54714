// The text of a mail as programs hand it to `sendmail`: lines with any ends, perhaps closed by a line with a dot alone,
// perhaps without a header. ProgramText makes CRLF lines of it, octets in, octets out, in constant memory; the rest looks
// at the header, once it has been gathered: where it ends, who is named in it, what is sent on.
#pragma once

#include "mail/address_list.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

class ProgramText {
 public:
  /// `a_dot_ends`: a line that is "." alone is not text but the end (`sendmail` without -i).
  explicit ProgramText(bool a_dot_ends) : a_dot_ends_(a_dot_ends) {}

  /// The next octets; LF, CRLF and CR end a line. Returns what they come to, valid until the next call.
  [[nodiscard]] std::string_view feed(std::string_view octets);
  /// There are no more: the last line gets its end.
  [[nodiscard]] std::string_view finish();
  /// The line with the dot has come; what follows it is thrown away.
  [[nodiscard]] bool has_ended() const { return has_ended_; }

 private:
  void feed_octet(char c);
  void end_line();

  bool a_dot_ends_;
  bool has_ended_ = false;
  bool after_cr_ = false;
  bool holds_dot_ = false;  // at the start of a line, until it is clear whether it stands alone
  bool at_line_start_ = true;
  std::string out_;
};

struct HeaderExtent {
  std::size_t octets = 0;       ///< of the header's lines
  std::size_t body_begins = 0;  ///< past the empty line, if there is one
};

/// Where the header of a text of CRLF lines ends: at the empty line, or before the first line that is neither a field nor
/// a continuation of one (a text without a header). None: not before more of the text is there. `is_all`: there is no more.
[[nodiscard]] std::optional<HeaderExtent> find_header_end(std::string_view text, bool is_all);

struct ProgramHeader {
  std::string kept;  ///< its lines without Bcc, Resent-Bcc and an mbox file's "From " line
  /// Of To, Cc and Bcc; if it is sent again (RFC 5322 §3.6.6), of their Resent- kin. A name without a domain has no address.
  std::vector<ListedMailbox> recipients;
  bool names_all = true;  ///< none was left out
  unsigned from_fields = 0;
};

/// `header`: whole lines.
[[nodiscard]] ProgramHeader read_program_header(std::string_view header);

}  // namespace posthorn::mail
