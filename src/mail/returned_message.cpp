#include "mail/returned_message.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/header_field.hpp"
#include "mail/transfer_encoding.hpp"

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::size_t line_octets = 998;  // RFC 5322 §2.1.1
constexpr std::size_t message_id_octets = 900;

/// What a text needs to be carried as it is.
struct Nature {
  bool clean = true;  // CRLF only, no NUL, no overlong line
  bool ascii = true;
};

Nature nature_of(std::string_view text) {
  Nature nature{.clean = !text.contains('\0'), .ascii = utf8::is_ascii(text)};
  while (!text.empty() && nature.clean) {
    const auto line_end = text.find_first_of("\r\n");
    const auto length = std::min(line_end, text.size());
    const bool ends_well = line_end == std::string_view::npos || text.substr(line_end).starts_with("\r\n");
    nature.clean = length <= line_octets && ends_well;
    text.remove_prefix(line_end == std::string_view::npos ? text.size() : std::min(line_end + 2, text.size()));
  }
  return nature;
}

/// The header, cut after the last field that fits.
std::string_view header_of(std::string_view message, std::size_t limit) {
  HeaderReader reader(message);
  std::size_t octets = 0;
  while (const auto field = reader.next()) {
    if (octets + field->raw.size() > limit) break;
    octets += field->raw.size();
  }
  return message.substr(0, octets);
}

/// RFC 6522 §4: text/rfc822-headers may be encoded where the header is broken; RFC 6533 §4.3 for a UTF-8 one.
MimePart header_part(std::string_view header, bool utf8) {
  const auto nature = nature_of(header);
  if (nature.clean && nature.ascii) {
    return {.type = "text/rfc822-headers", .encoding = "7bit", .body = std::string(header)};
  }
  const bool is_utf8 = !nature.ascii && utf8::is_valid(header);
  const auto* const type = is_utf8 ? "message/global-headers" : "text/rfc822-headers";
  if (is_utf8 && utf8 && nature.clean) return {.type = type, .encoding = "8bit", .body = std::string(header)};
  return {.type = type, .encoding = "quoted-printable", .body = encode_quoted_printable(header)};
}

/// The whole message; none where no type can carry it.
std::optional<MimePart> message_part(std::string_view message, bool utf8) {
  const auto nature = nature_of(message);
  if (!nature.clean) return std::nullopt;
  const auto header = header_of(message, message.size());
  if (utf8::is_ascii(header)) {
    return MimePart{.type = "message/rfc822", .encoding = nature.ascii ? "7bit" : "8bit", .body = std::string(message)};
  }
  if (!utf8::is_valid(header)) return std::nullopt;
  if (utf8) return MimePart{.type = "message/global", .encoding = "8bit", .body = std::string(message)};
  // RFC 6533 §4.5: where the way back does not take UTF-8, the message is encoded.
  return MimePart{.type = "message/global", .encoding = "quoted-printable", .body = encode_quoted_printable(message)};
}

/// RFC 3461 §4.3: all of it only if that was asked for and a recipient failed.
bool wants_whole_message(const DeliveryReport& report, const ReportSettings& settings) {
  const bool failed = std::ranges::any_of(
      report.recipients, [](const auto& recipient) { return recipient.action == DeliveryAction::failed; });
  return failed && report.return_content == ReturnContent::full && report.message_is_whole &&
         report.message.size() <= settings.full_octets;
}

}  // namespace

MimePart returned_part(const DeliveryReport& report, const ReportSettings& settings, bool utf8) {
  if (wants_whole_message(report, settings)) {
    if (auto part = message_part(report.message, utf8)) return *std::move(part);
  }
  return header_part(header_of(report.message, settings.header_octets), utf8);
}

std::string returned_message_id(std::string_view message) {
  HeaderReader reader(message);
  while (const auto field = reader.next()) {
    if (!field->is("Message-ID")) continue;
    auto id = unfolded(field->value);
    const bool is_id = id.size() > 2 && id.size() <= message_id_octets && id.starts_with('<') && id.ends_with('>') &&
                       std::ranges::all_of(id, [](char c) { return ascii::is_printable(c) && c != ' '; });
    return is_id ? id : std::string{};
  }
  return {};
}

}  // namespace posthorn::mail
