#include "mail/letter_frame.hpp"

#include "base/assert.hpp"
#include "mail/disposition.hpp"
#include "mail/file_type.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

using enum TransferEncoding;
using Charset = TextSurvey::Charset;

bool is_text(const LetterFile& file) { return !file.is_attachment && file.survey.charset() != Charset::none; }

/// As it is where that can be sent, else encoded: base64 where quoted-printable would escape more than a quarter.
TransferEncoding encoding_of(const LetterFile& file, bool may_be_8bit) {
  if (!is_text(file)) return base64;
  const bool is_ascii = file.survey.charset() == Charset::ascii;
  if (!file.survey.has_long_line() && is_ascii) return seven_bit;
  if (!file.survey.has_long_line() && may_be_8bit) return eight_bit;
  return file.survey.high_octets() > file.survey.octets() / 4 ? base64 : quoted_printable;
}

/// Base64 carries a text's line ends as they are, where CRLF is meant (RFC 2046 §4.1.1): readers take both.
std::string fields_of(const LetterFile& file, TransferEncoding encoding) {
  std::string fields = is_text(file)
                           ? fmt::format("Content-Type: text/plain; charset={}\r\n", name_of(file.survey.charset()))
                           : fmt::format("Content-Type: {}\r\nContent-Disposition: {}\r\n",
                                         content_type_of_file(file.name), attachment_disposition(file.name));
  return fields += fmt::format("Content-Transfer-Encoding: {}\r\n", name_of(encoding));
}

}  // namespace

LetterFrame frame_letter(const NewMessage& head, const std::vector<LetterFile>& files, std::string_view boundary) {
  ensure(!files.empty(), "a letter is made of one file at least");
  LetterFrame frame{.smtputf8 = needs_smtputf8(head)};
  for (const auto& file : files) frame.encodings.push_back(encoding_of(file, head.may_be_8bit));
  const bool is_8bit = std::ranges::find(frame.encodings, eight_bit) != frame.encodings.end();
  if (is_8bit) frame.body = BodyType::eight_bit;
  auto fields = message_fields(head);
  if (files.size() == 1) {
    frame.before.push_back(fields + fields_of(files.front(), frame.encodings.front()) + "\r\n");
    return frame;
  }
  fields += fmt::format("Content-Type: multipart/mixed;\r\n boundary=\"{}\"\r\n", boundary);
  if (is_8bit) fields += "Content-Transfer-Encoding: 8bit\r\n";  // RFC 2045 §6.4
  for (std::size_t i = 0; i < files.size(); ++i) {
    frame.before.push_back(
        fmt::format("{}\r\n--{}\r\n{}\r\n", i == 0 ? fields : "", boundary, fields_of(files[i], frame.encodings[i])));
  }
  frame.after = fmt::format("\r\n--{}--\r\n", boundary);
  return frame;
}

}  // namespace posthorn::mail
