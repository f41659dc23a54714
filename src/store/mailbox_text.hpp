// From the wire to a file: Return-Path fields of the header are left out (RFC 5321 §4.4) and CRLF becomes LF. Everything
// else passes to the octet. Streaming: how the octets are cut into pieces makes no difference; memory is constant but for
// the blanks of a field name not yet decided, which are bounded.
#pragma once

#include <string>
#include <string_view>

namespace posthorn::store {

/// Leaves out the Return-Path fields of a header, with their continuation lines; passes the rest on.
class ReturnPathFilter {
 public:
  /// Appends to `out` what passes.
  void feed(std::string_view bytes, std::string& out);
  /// There is no more: what was held back passes.
  void finish(std::string& out);
  [[nodiscard]] bool header_ended() const { return place_ == Place::body; }

 private:
  enum class Place { line_start, after_cr, name, line, body };
  void octet(char c, std::string& out);
  void start_line(char c, std::string& out);
  void match_name(char c, std::string& out);
  void decide(bool dropped, std::string& out);

  Place place_ = Place::line_start;
  bool dropping_ = false;  // the field under way is a Return-Path
  std::string held_;       // the start of a line that may become one
};

/// CRLF to LF; any other CR or LF stays.
class LineEndConverter {
 public:
  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  bool after_cr_ = false;
};

class MailboxText {
 public:
  /// Appends the file form of the next octets to `out`.
  void feed(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  ReturnPathFilter filter_;
  LineEndConverter line_ends_;
  std::string passed_;
};

}  // namespace posthorn::store
