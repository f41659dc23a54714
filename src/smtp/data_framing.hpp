// How a message lies in the stream. DATA (RFC 5321 §4.5.2): lines, a dot in front of those that begin with one, the end
// marked by a line of one dot. BDAT (RFC 3030 §2): chunks of announced size. Both ways, and the same however the bytes
// are cut. Nothing is copied: what comes out are views into what went in.
// Only <CRLF>.<CRLF> ends data. A bare CR, a bare LF or a NUL anywhere is a fault, after which nothing in the stream means
// anything (SECURITY: end of data confused, "SMTP smuggling").
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::smtp {

enum class TextFault : std::uint8_t { bare_cr, bare_lf, nul };

/// What one step of reading message text brought.
struct TextPiece {
  enum class Status : std::uint8_t {
    more,   ///< go on with the rest of the input, or with the next input
    ended,  ///< the end mark was read; nothing behind it was touched
    fault,  ///< see fault; `text` is empty, what came before was told by the steps before
  };
  Status status = Status::more;
  std::string_view text{};  ///< message octets, a view into the input; may be empty
  std::size_t used = 0;     ///< octets of the input that are done with
  TextFault fault{};        ///< if status is fault
};

/// Undoes dot-stuffing and finds the end.
class DotDecoder {
 public:
  /// Reads on. Call with what follows the `used` octets until all is used; each call brings one run of text that lies
  /// together in the input. Never call after ended or fault, but for reset().
  [[nodiscard]] TextPiece read(std::string_view input);
  void reset() { place_ = Place::line_start; }

 private:
  // What the octets so far amount to.
  enum class Place : std::uint8_t {
    line_start,
    in_line,
    after_cr,      // a CR in a line, already handed on; its LF must follow
    after_dot,     // a dot at the start of a line, held back
    after_dot_cr,  // and a CR behind it
    ended,
    faulty,
  };
  [[nodiscard]] TextPiece read_after_dot(std::string_view input);
  [[nodiscard]] TextPiece read_text(std::string_view input);
  [[nodiscard]] TextPiece fail(TextFault fault);

  Place place_ = Place::line_start;
};

/// Checks text that comes in chunks: every line ends with CRLF, no bare CR, bare LF or NUL.
class LineEndChecker {
 public:
  struct Checked {
    std::size_t clean = 0;           ///< so many octets are good
    std::optional<TextFault> fault;  ///< why the next one is not; none: all are good
  };
  /// Checks the next octets, up to a fault. The rest, if it is given again, begins with the fault.
  [[nodiscard]] Checked read(std::string_view bytes);
  /// The fault alone, for whoever gives up at the first one.
  [[nodiscard]] std::optional<TextFault> check(std::string_view bytes) { return read(bytes).fault; }
  /// Whether the text may end here: a CR at the very end is a bare one.
  [[nodiscard]] bool may_end() const { return !after_cr_; }
  void reset() { after_cr_ = false; }

 private:
  bool after_cr_ = false;
};

/// Counts a BDAT chunk of announced size (RFC 3030 §2).
class ChunkReader {
 public:
  void start(std::uint64_t octets, bool last) {
    remaining_ = octets;
    last_ = last;
  }
  /// As much of the input as belongs to the chunk.
  [[nodiscard]] std::string_view part_of(std::string_view input) const;
  /// So many octets of it are done with.
  void use(std::size_t octets);
  [[nodiscard]] bool is_done() const { return remaining_ == 0; }
  [[nodiscard]] bool is_last() const { return last_; }
  [[nodiscard]] std::uint64_t remaining() const { return remaining_; }

 private:
  std::uint64_t remaining_ = 0;
  bool last_ = false;
};

/// Stuffs dots for sending. Refuses text that would not be clean on the wire, so that nothing a peer could take for an
/// end of data leaves us, wherever the text came from.
class DotEncoder {
 public:
  /// Appends the next bytes of a message, dot-stuffed. A fault: nothing more may be sent; end the connection.
  [[nodiscard]] std::optional<TextFault> encode(std::string_view bytes, std::string& out);
  /// Appends the end mark, after a CRLF if the text did not end with one (RFC 5321 §4.1.1.4). A fault: a bare CR at the
  /// end.
  [[nodiscard]] std::optional<TextFault> finish(std::string& out);
  void reset() { *this = {}; }

 private:
  LineEndChecker checker_;
  bool at_line_start_ = true;
};

}  // namespace posthorn::smtp
