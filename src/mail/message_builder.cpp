#include "mail/message_builder.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/content_type.hpp"
#include "mail/date.hpp"
#include "mail/disposition.hpp"
#include "mail/line_ends.hpp"
#include "mail/mime_part.hpp"
#include "mail/transfer_encoding.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

/// Whether most octets would be escaped in quoted-printable, so that base64 is the shorter.
bool is_mostly_8bit(std::string_view text) {
  const auto count = std::ranges::count_if(text, [](char c) { return !ascii::is_ascii(c); });
  return static_cast<std::size_t>(count) > text.size() / 4;
}

MimePart binary_part(std::string_view octets, std::string type) {
  return {.type = std::move(type), .encoding = "base64", .body = encode_base64_lines(octets)};
}

/// The text of the message: as it is where that can be sent, else encoded. What holds NUL is no text.
MimePart text_part(std::string_view octets, bool may_be_8bit) {
  if (octets.contains('\0')) return binary_part(octets, "application/octet-stream");
  auto text = with_crlf(octets);
  const bool is_ascii = utf8::is_ascii(text);
  const bool is_utf8 = is_ascii || utf8::is_valid(text);
  auto type = fmt::format("text/plain; charset={}", is_ascii ? "us-ascii" : is_utf8 ? "utf-8" : "unknown-8bit");
  if (!has_long_line(text) && is_ascii) return {.type = std::move(type), .encoding = "7bit", .body = std::move(text)};
  if (!has_long_line(text) && may_be_8bit)
    return {.type = std::move(type), .encoding = "8bit", .body = std::move(text)};
  if (is_mostly_8bit(text)) return binary_part(text, std::move(type));
  return {.type = std::move(type), .encoding = "quoted-printable", .body = encode_quoted_printable(text)};
}

MimePart attachment_part(const Attachment& attachment) {
  const auto type = parse_content_type(attachment.content_type);
  const bool can_be_encoded = type && type->type != "multipart" && type->type != "message";
  auto part = binary_part(
      attachment.octets, can_be_encoded ? fmt::format("{}/{}", type->type, type->subtype) : "application/octet-stream");
  part.disposition = attachment_disposition(attachment.name);
  return part;
}

}  // namespace

std::string message_fields(const NewMessage& message) {
  auto fields = plain_field("Date", to_date_time(message.date, message.zone));
  fields += mailbox_list_field("From", {&message.from, 1});
  if (!message.to.empty()) fields += mailbox_list_field("To", message.to);
  if (!message.cc.empty()) fields += mailbox_list_field("Cc", message.cc);
  fields += unstructured_field("Subject", message.subject);
  fields += plain_field("Message-ID", fmt::format("<{}>", message.message_id));
  return fields += "MIME-Version: 1.0\r\n";
}

bool needs_smtputf8(const NewMessage& message) {
  const auto needs = [](const NamedAddress& mailbox) { return mailbox.address.needs_smtputf8(); };
  return needs(message.from) || std::ranges::any_of(message.to, needs) || std::ranges::any_of(message.cc, needs);
}

BuiltMessage build_message(const NewMessage& message) {
  std::vector<MimePart> parts{text_part(message.text, message.may_be_8bit)};
  for (const auto& attachment : message.attachments) parts.push_back(attachment_part(attachment));
  const bool is_8bit = parts.front().encoding == "8bit";
  return {.text = message_fields(message) + (parts.size() == 1 ? written(parts.front()) : multipart("mixed", parts)),
          .body = is_8bit ? BodyType::eight_bit : BodyType::seven_bit,
          .smtputf8 = needs_smtputf8(message)};
}

}  // namespace posthorn::mail
