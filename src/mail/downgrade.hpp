// Conversion of a message with 8-bit content for a host without 8BITMIME (RFC 6152 §3): parts that need it get a 7-bit
// transfer encoding, quoted-printable for text and base64 for the rest; everything else stays as it is, to the octet.
// Where that is not possible or would break a promise (8-bit header fields, signed parts, encodings that are not kept),
// it says so: then the message has to be returned.
// Two passes over the text, in pieces of any size: the first finds out which parts need it (a part's header stands before its
// body), the second writes. Memory: one line, one header and a bit for each part, whatever the size of the message.
#pragma once

#include "base/result.hpp"
#include "mail/content_type.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

struct DowngradeSettings {
  unsigned depth = 20;                                 ///< of parts within parts
  std::size_t parts = 10'000;                          ///< in all
  std::size_t header_octets = std::size_t{256} << 10;  ///< of one part
};

/// Which parts have to be encoded, in the order in which they begin.
using DowngradePlan = std::vector<bool>;

/// One pass. What comes out does not depend on how the text was cut.
class Downgrade {
 public:
  /// The first pass: nothing comes out; plan() tells what to do.
  explicit Downgrade(const DowngradeSettings& settings = {}) : settings_(settings) {}
  /// The second pass, over the same text.
  Downgrade(const DowngradeSettings& settings, DowngradePlan plan)
      : settings_(settings), is_survey_(false), plan_(std::move(plan)) {}

  /// The next octets, CRLF line ends; what is ready is appended to `out`.
  void feed(std::string_view octets, std::string& out);
  /// There are no more.
  void finish(std::string& out);
  /// After the first pass. Error: `unsupported`, its text says why, for the report to the sender.
  [[nodiscard]] Result<DowngradePlan> plan() const;

 private:
  // Where the pass stands.
  enum class Place : std::uint8_t {
    header,   // of the innermost part
    leaf,     // in the body of a part that has no parts
    outside,  // before the first, or after the last part of a multipart
  };
  struct Part {
    std::uint32_t number = 0;
    bool is_message = false;  // it has a header of its own with MIME-Version
    bool in_digest = false;
    bool has_type = false;
    bool has_mime_version = false;
    ContentType type;
    std::string encoding = "7bit";
    std::string boundary;   // of a multipart
    bool is_open = false;   // a multipart whose last delimiter has not come
    bool has_part = false;  // a multipart that is in one of its parts
    std::string fault;      // why it cannot be encoded
  };

  // What follows a piece of a line.
  enum class Then : std::uint8_t { crlf, more_of_it, nothing };

  void take_line(std::string_view line, Then then, std::string& out);
  bool take_delimiter(std::string_view line, std::string& out);
  void begin_part(bool is_message, bool in_digest);
  void take_header_line(std::string_view line, Then then);
  void take_outside(std::string_view line, Then then, std::string& out);
  void end_header(std::string_view empty_line, std::string& out);
  void read_header(Part& part);
  void judge(Part& part);
  void write_header(const Part& part, std::string& out) const;
  void enter_body();
  void take_body(std::string_view text, Then then, std::string& out);
  void encode(std::string_view octets, std::string& out);
  void end_leaf(std::string& out);
  void note_need();
  [[nodiscard]] bool encodes(const Part& part) const;
  [[nodiscard]] bool is_in_multipart() const;

  DowngradeSettings settings_;
  bool is_survey_ = true;
  DowngradePlan plan_;
  std::vector<std::string> faults_;  // of each part, in the survey
  std::vector<Part> open_;           // from the outermost to the innermost
  std::uint32_t parts_ = 0;
  std::string limit_fault_;
  Place place_ = Place::header;
  std::string line_;             // the beginning of one that has not ended
  bool in_long_line_ = false;    // its beginning was taken already
  std::size_t line_octets_ = 0;  // of the line under way, for the limit of a line
  std::string header_;
  bool holds_crlf_ = false;  // before what comes next, unless that is a delimiter (RFC 2046 §5.1.1)
  std::string unencoded_;    // octets that do not fill a line of base64 yet
};

/// Both passes over a message in memory; itself if it is 7-bit already. Error: as plan().
[[nodiscard]] Result<std::string> downgrade_to_7bit(std::string_view message, const DowngradeSettings& settings = {});

}  // namespace posthorn::mail
