// LetterFrame: the text that stands around the files of a message: its header, the fields of each part, delimiters
// (RFC 5322, RFC 2045, RFC 2046 §5.1). The files themselves are encoded while they are sent (content_encoder.hpp), so that a
// message may be larger than memory. How each is encoded follows from its survey and from what the server takes.
#pragma once

#include "mail/content_encoder.hpp"
#include "mail/message_builder.hpp"
#include "mail/text_survey.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

/// A file that becomes a part. The first of a letter is its text, if it is a text.
struct LetterFile {
  std::string name;  ///< without folders; empty: none
  TextSurvey survey;
  bool is_attachment = false;
};

struct LetterFrame {
  std::vector<std::string> before;          ///< of each file, what stands before it; CRLF line ends
  std::vector<TransferEncoding> encodings;  ///< of each file
  std::string after;                        ///< behind the last
  BodyType body = BodyType::seven_bit;      ///< what MAIL has to declare
  bool smtputf8 = false;
};

/// `head`: its text and attachments are not looked at; its may_be_8bit says whether the server takes 8BITMIME. `boundary` is
/// drawn at random by the caller, long enough that no file holds it. At least one file.
[[nodiscard]] LetterFrame frame_letter(const NewMessage& head, const std::vector<LetterFile>& files,
                                       std::string_view boundary);

}  // namespace posthorn::mail
