// A message made from a text, a subject and attachments (RFC 5322, RFC 2045 to 2049, RFC 2183), for the sending client.
// Whatever the inputs hold, the result is a clean message: CRLF lines of at most 998 octets, no NUL, one field for each
// that is named here. All of it is made in memory. Bcc is for the envelope and never written.
#pragma once

#include "base/time.hpp"
#include "mail/envelope.hpp"
#include "mail/header_writer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

struct Attachment {
  std::string name;          ///< of the file, without folders; UTF-8
  std::string content_type;  ///< "image/png"; empty or not a type: application/octet-stream
  std::string octets;
};

struct NewMessage {
  NamedAddress from;
  std::vector<NamedAddress> to;
  std::vector<NamedAddress> cc;
  std::string subject;
  std::string message_id;  ///< "unique@host", without angle brackets, made by the caller
  WallTime date;
  std::chrono::minutes zone{0};
  std::string text;  ///< octets of a file: text with any line ends, or not text at all
  std::vector<Attachment> attachments;
  bool may_be_8bit = false;  ///< the server takes 8BITMIME: UTF-8 text stays as it is
};

struct BuiltMessage {
  std::string text;
  BodyType body = BodyType::seven_bit;  ///< what MAIL has to declare
  bool smtputf8 = false;                ///< an address in the header is UTF-8
};

/// The header without the fields that describe the body: Date to MIME-Version.
[[nodiscard]] std::string message_fields(const NewMessage& message);
/// Whether an address in the header is UTF-8.
[[nodiscard]] bool needs_smtputf8(const NewMessage& message);

[[nodiscard]] BuiltMessage build_message(const NewMessage& message);

}  // namespace posthorn::mail
