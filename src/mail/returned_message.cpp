#include "mail/returned_message.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/header_field.hpp"
#include "mail/line_ends.hpp"
#include "mail/transfer_encoding.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::size_t message_id_octets = 900;
constexpr std::size_t quoted_octets = 4;  // what an octet may take in quoted-printable, and the soft line ends

/// Whether the text can be sent as it is, but for its eighth bits.
bool is_clean(std::string_view text) {
  return !text.contains('\0') && !has_bare_line_end(text) && !has_long_line(text);
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
  const bool is_ascii = utf8::is_ascii(header);
  const bool clean = is_clean(header);
  if (clean && is_ascii) {
    return {.type = "text/rfc822-headers", .encoding = "7bit", .body = std::string(header)};
  }
  const bool is_utf8 = !is_ascii && utf8::is_valid(header);
  const auto* const type = is_utf8 ? "message/global-headers" : "text/rfc822-headers";
  if (is_utf8 && utf8 && clean) return {.type = type, .encoding = "8bit", .body = std::string(header)};
  return {.type = type, .encoding = "quoted-printable", .body = encode_quoted_printable(header)};
}

/// The whole message; none where no type can carry it.
std::optional<MimePart> message_part(std::string_view message, bool utf8) {
  if (!is_clean(message)) return std::nullopt;
  const auto header = header_of(message, message.size());
  if (utf8::is_ascii(header)) {
    return MimePart{
        .type = "message/rfc822", .encoding = utf8::is_ascii(message) ? "7bit" : "8bit", .body = std::string(message)};
  }
  if (!utf8::is_valid(header)) return std::nullopt;
  if (utf8) return MimePart{.type = "message/global", .encoding = "8bit", .body = std::string(message)};
  // RFC 6533 §4.5: where the way back does not take UTF-8, the message is encoded.
  return MimePart{.type = "message/global", .encoding = "quoted-printable", .body = encode_quoted_printable(message)};
}

/// RFC 3461 §4.3 (partly): all of it if that was asked for, a recipient failed and it is no longer than `full_octets`.
bool wants_whole_message(const DeliveryReport& report) {
  const bool failed = std::ranges::any_of(
      report.recipients, [](const auto& recipient) { return recipient.action == DeliveryAction::failed; });
  return failed && report.return_content == ReturnContent::full;
}

bool is_too_large(const DeliveryReport& report, const ReportSettings& settings) {
  const auto octets = report.message.size();
  return octets > settings.full_octets || (octets == settings.full_octets && !report.message_is_whole);
}

}  // namespace

WholeMessage whole_message(const DeliveryReport& report, const ReportSettings& settings, bool utf8) {
  if (!wants_whole_message(report)) return {};
  if (is_too_large(report, settings))
    return {.part = {}, .why_not = fmt::format("it is larger than {} KiB", settings.full_octets >> 10U)};
  if (!report.message_is_whole) return {.part = {}, .why_not = "its text cannot be read any more"};
  auto part = message_part(report.message, utf8);
  if (!part) return {.part = {}, .why_not = "it has lines or characters that mail cannot carry"};
  return {.part = std::move(part), .why_not = {}};
}

MimePart returned_header(const DeliveryReport& report, bool utf8, std::size_t octets) {
  auto part = header_part(header_of(report.message, octets), utf8);
  if (part.body.size() <= octets) return part;
  return header_part(header_of(report.message, octets / quoted_octets), utf8);
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
