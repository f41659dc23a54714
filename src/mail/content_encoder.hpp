// ContentEncoder: the body of a MIME part written for SMTP piece by piece (RFC 2045 §6), in bounded memory, however long its
// lines are. What comes out does not depend on how the octets were cut.
//   text encodings (seven_bit, eight_bit, quoted_printable): LF, CRLF and CR are line ends and become CRLF; the last line
//     gets one too. seven_bit and eight_bit change nothing else: whoever chose them knows that it may be so sent.
//   base64: the octets as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::mail {

enum class TransferEncoding : std::uint8_t { seven_bit, eight_bit, quoted_printable, base64 };

/// "7bit", "8bit", "quoted-printable", "base64".
[[nodiscard]] std::string_view name_of(TransferEncoding encoding);

class ContentEncoder {
 public:
  explicit ContentEncoder(TransferEncoding encoding) : encoding_(encoding) {}

  /// Appends what is ready to `out`: at most four times the piece, and a line.
  void write(std::string_view piece, std::string& out);
  /// The octets have ended.
  void finish(std::string& out);

 private:
  void write_text(std::string_view piece, std::string& out);
  void end_line(std::string& out);
  void write_quoted(std::string_view part, std::string& out);
  void put_quoted(char c, bool ends_line, std::string& out);
  void write_base64(std::string_view piece, std::string& out);

  TransferEncoding encoding_;
  bool after_cr_ = false;   // the line has ended; an LF that follows belongs to it
  bool in_line_ = false;    // octets of a line were written and its end was not
  std::size_t column_ = 0;  // quoted-printable: of the line that is written
  std::string held_;        // quoted-printable: the last octet, which may end its line; base64: less than a line
};

}  // namespace posthorn::mail
