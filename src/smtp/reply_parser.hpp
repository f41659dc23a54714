// ReplyParser: reads a server's replies from bytes as they come (RFC 5321 §4.2), whole with all their lines, and knows
// where each ends. Everything is bounded; what is no reply is found out as soon as it can be.
// Tolerated, since no harm comes of it on this side: lines longer than 512 octets (§4.5.3.1.5), an LF without its CR,
// text of any kind but NUL, a code with nothing after it. The result does not depend on how the bytes were cut.
#pragma once

#include "mail/enhanced_status.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::smtp {

/// What a server answered. The text is the peer's: it passes through a cleaning type before a person or a log sees it.
struct PeerReply {
  unsigned code = 0;               ///< 200 to 599
  std::vector<std::string> lines;  ///< without code and separator; the enhanced status still there; never empty

  /// Of the first line that has one of the code's class (RFC 2034 §4).
  [[nodiscard]] std::optional<mail::EnhancedStatus> status() const;
  /// The lines joined by one space.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] bool is_success() const { return code / 100 == 2; }
  [[nodiscard]] bool is_intermediate() const { return code / 100 == 3; }
  [[nodiscard]] bool is_transient() const { return code / 100 == 4; }
  [[nodiscard]] bool is_permanent() const { return code / 100 == 5; }

  bool operator==(const PeerReply&) const = default;
};

/// Why bytes are no reply.
enum class ReplyFault : std::uint8_t {
  bad_code,        ///< a line does not start with a code from 200 to 599
  bad_separator,   ///< neither space nor dash nor the end after the code
  codes_differ,    ///< RFC 5321 §4.2.1: the same code on every line
  line_too_long,   ///< past Settings::line_octets
  too_many_lines,  ///< past Settings::lines
  nul,
};

class ReplyParser {
 public:
  struct Settings {
    std::size_t line_octets = 2048;  ///< without the line's end
    std::size_t lines = 128;
  };

  ReplyParser() = default;
  explicit ReplyParser(Settings settings) : settings_(settings) {}

  /// Reads on, at most to the end of one reply, and returns how many octets it took. After a whole reply or a fault it
  /// takes none until take() or reset().
  std::size_t read(std::string_view bytes);

  [[nodiscard]] bool has_reply() const { return whole_; }
  [[nodiscard]] std::optional<ReplyFault> fault() const { return fault_; }
  /// The line under way as far as it came; after a fault, the one that is no reply, with what came of it so far.
  [[nodiscard]] std::string_view line() const { return line_; }
  /// Whether a part of a reply is there and the rest is not: the peer stopped in the middle.
  [[nodiscard]] bool is_inside_reply() const { return !whole_ && !fault_ && (!reply_.lines.empty() || !line_.empty()); }
  /// Hands over the reply; has_reply() must be true.
  [[nodiscard]] PeerReply take();
  void reset();

 private:
  void take_part(std::string_view part);
  void check_start();
  void end_line();
  void fail(ReplyFault fault) { fault_ = fault; }

  Settings settings_;
  PeerReply reply_;
  std::string line_;  // the line under way, with its code
  bool whole_ = false;
  std::optional<ReplyFault> fault_;
};

}  // namespace posthorn::smtp
