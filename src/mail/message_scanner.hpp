// MessageScanner: reads a message once, as it streams by (CRLF lines, dot-stuffing undone), and tells what a server must
// know of it. Linear in time, constant in memory; the facts do not depend on how the bytes were cut into chunks.
// It changes nothing and looks at the header only: MIME structure is cargo.
// A header field is "name, optional blanks, colon" and the lines after it that start with a blank (RFC 5322 §2.2, §4.5);
// the header ends at the first empty line.
#pragma once

#include "mail/address.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

/// Why a message cannot be taken.
enum class MessageFault : std::uint8_t {
  bare_cr,           ///< a CR that no LF follows (RFC 5321 §2.3.8)
  bare_lf,           ///< an LF that no CR precedes
  nul,               ///< RFC 5322 §4.1, RFC 5321 §4.5.2
  too_large,         ///< past Settings::octets
  line_too_long,     ///< past Settings::line_octets
  header_too_large,  ///< past Settings::header_octets
  too_many_fields,   ///< past Settings::header_fields
  too_many_hops,     ///< past Settings::received_fields (RFC 5321 §6.3)
};

/// What a message is, as far as it was fed.
struct MessageFacts {
  std::uint64_t octets = 0;
  std::uint64_t header_octets = 0;  ///< up to and with the empty line
  std::uint64_t lines = 0;          ///< line ends seen
  std::uint32_t header_fields = 0;
  std::uint32_t malformed_header_lines = 0;  ///< neither a field nor a continuation of one
  std::uint32_t received_fields = 0;
  std::uint32_t from_fields = 0;
  std::uint32_t sender_fields = 0;
  std::uint32_t date_fields = 0;
  std::uint32_t message_id_fields = 0;
  std::uint32_t bcc_fields = 0;
  std::uint64_t longest_line = 0;  ///< octets, CRLF counted
  bool header_has_8bit = false;
  bool body_has_8bit = false;
  bool header_ended = false;  ///< the empty line was seen
  bool ends_with_crlf = false;
  std::optional<MessageFault> fault;  ///< the first of the enumeration that was found

  bool operator==(const MessageFacts&) const = default;
};

class MessageScanner {
 public:
  struct Settings {
    std::uint64_t octets = 50ULL << 20;
    std::uint64_t line_octets = 65'536;  ///< CRLF counted; RFC 5321 §4.5.3.1.6 asks for 1,000
    std::uint64_t header_octets = 256 << 10;
    std::uint32_t header_fields = 10'000;
    std::uint32_t received_fields = 100;    ///< RFC 5321 §6.3
    std::size_t delivered_to_fields = 100;  ///< remembered; more are not compared
  };

  explicit MessageScanner(const Settings& settings) : settings_(settings) {}

  /// The next bytes. Goes on counting after a fault.
  void feed(std::string_view bytes);
  /// Says that there are no more: a CR at the very end was a bare one, and a last line without CRLF is a line.
  void finish();

  /// Final after finish().
  [[nodiscard]] const MessageFacts& facts() const { return facts_; }
  /// Whether a Delivered-To field names this address (RFC 9228 §4): delivering it there again would be a loop.
  [[nodiscard]] bool was_delivered_to(const Address& recipient) const;

 private:
  // Where the scanner stands.
  enum class Place : std::uint8_t {
    line_start,  // before the first octet of a header line
    name,        // in what may be a field's name
    after_name,  // in blanks between a name and its colon
    value,       // in a field's value, or in a continuation of it
    junk,        // in a header line that is no field
    body,
  };

  [[nodiscard]] std::string_view feed_header(std::string_view bytes);
  void feed_body(std::string_view bytes);
  void feed_line_part(std::string_view part);
  void inspect(std::string_view bytes, bool& has_8bit);
  void find_bare_line_ends(std::string_view bytes);
  void check_sizes();
  void end_line();
  void feed_name(char c);
  void start_header_line(char c);
  void start_value();
  void start_junk();
  void end_field();
  void count_field();
  void fail(MessageFault fault);

  Settings settings_;
  MessageFacts facts_;
  Place place_ = Place::line_start;
  bool after_cr_ = false;                    // the octet before was a CR, whose LF has not come yet
  std::uint64_t line_octets_ = 0;            // of the line under way
  std::string name_;                         // of the field under way, as far as it may matter
  bool in_delivered_to_ = false;             // the field under way is one
  std::string delivered_to_value_;           // its value; bounded
  std::vector<std::uint64_t> delivered_to_;  // fingerprints of the addresses
};

}  // namespace posthorn::mail
