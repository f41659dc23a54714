// Reply: what our server answers, and how it looks on the wire: code, enhanced status, one or more lines (RFC 5321
// §4.2, RFC 2034). The text is ours to the last letter: bytes of a client never come into one (SECURITY, cross-protocol).
// What a client hears from a server is another type, PeerReply (reply_parser.hpp).
#pragma once

#include "base/clean_text.hpp"
#include "mail/enhanced_status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace posthorn::smtp {

/// The lines of a reply, separated by '\n'. A literal costs nothing to carry; what is put together while running comes in
/// as posthorn::ReplyText, which is clean.
class ReplyLines {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a text
  consteval ReplyLines(const char* literal) : text_(std::string_view(literal)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): so is a cleaned line
  ReplyLines(const ReplyText& line) : text_(line.text()) {}

  void add_line(const ReplyText& line);

  [[nodiscard]] std::string_view view() const;

 private:
  std::variant<std::string_view, std::string> text_;
};

class Reply {
 public:
  /// The class of the status is the code's first digit (RFC 2034 §4); anything else is a bug.
  Reply(unsigned code, mail::EnhancedStatus status, ReplyLines lines);
  /// RFC 2034 §4: no status in a greeting, an answer to HELO or EHLO, and 3yz replies.
  Reply(unsigned code, ReplyLines lines);

  [[nodiscard]] unsigned code() const { return code_; }
  [[nodiscard]] const std::optional<mail::EnhancedStatus>& status() const { return status_; }
  [[nodiscard]] std::string_view text() const { return lines_.view(); }

  [[nodiscard]] bool is_success() const { return code_ / 100 == 2; }
  [[nodiscard]] bool is_transient() const { return code_ / 100 == 4; }
  [[nodiscard]] bool is_permanent() const { return code_ / 100 == 5; }
  /// 4yz or 5yz
  [[nodiscard]] bool is_refusal() const { return code_ >= 400; }
  /// RFC 5321 §3.8: the reply with which a server ends the session by itself.
  [[nodiscard]] bool ends_session() const { return code_ == 421; }

  /// For peers that did not say EHLO.
  void drop_status() { status_.reset(); }

  /// As it is sent, with CRLF at the end of each line and the status on each line (RFC 2034 §4).
  void append_to(std::string& out) const;
  [[nodiscard]] std::string to_string() const;

 private:
  ReplyLines lines_;
  std::optional<mail::EnhancedStatus> status_;
  std::uint16_t code_;
};

}  // namespace posthorn::smtp
