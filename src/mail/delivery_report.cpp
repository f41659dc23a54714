#include "mail/delivery_report.hpp"

#include "base/assert.hpp"
#include "base/clean_text.hpp"
#include "base/utf8.hpp"
#include "mail/date.hpp"
#include "mail/dsn_parameters.hpp"
#include "mail/header_writer.hpp"
#include "mail/report_answer.hpp"
#include "mail/report_text.hpp"
#include "mail/returned_message.hpp"
#include "mail/transfer_encoding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace posthorn::mail {
namespace {

constexpr std::size_t host_octets = 255;
constexpr std::size_t frame_octets = 4U << 10;  // for the header of the report and those of its parts

/// How much is told of each recipient, from most to least.
struct Detail {
  std::size_t reply_octets;
  bool only_required;  ///< RFC 3464 §2.3: Final-Recipient, Action and Status; RFC 3461 §6.3: Original-Recipient
};
constexpr std::array details{
    Detail{900, false},  // with the field's name one line of RFC 5322 §2.1.1 at most
    Detail{200, false},
    Detail{80, false},
    Detail{0, true},
};

std::string_view action_name(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed:
      return "failed";
    case DeliveryAction::delayed:
      return "delayed";
    case DeliveryAction::delivered:
      return "delivered";
    case DeliveryAction::relayed:
      return "relayed";
    case DeliveryAction::expanded:
      return "expanded";
  }
  return {};
}

std::string host_value(std::string_view host) {
  return "dns; " + ReplyText(host, ReplyText::Charset::ascii, host_octets).text();
}

/// "rfc822; alice@example.org". A UTF-8 address is told in full only where UTF-8 may stand (RFC 6533 §4.1).
std::string address_value(const OriginalRecipient& address, bool utf8) {
  const bool encoded = address.type == "utf-8" && !utf8;
  return address.type + "; " + (encoded ? encode_unitext(address.address, UnitextForm::ascii) : address.address);
}

/// RFC 3464 §2.2.
std::string message_fields(const DeliveryReport& report) {
  std::string fields;
  if (!report.envelope_id.empty()) fields += plain_field("Original-Envelope-Id", report.envelope_id);
  fields += plain_field("Reporting-MTA", host_value(report.reporting_host));
  fields += plain_field("Arrival-Date", to_date_time(report.arrival, report.zone));
  fields += plain_field("X-Posthorn-Message", report.message_id.to_string());
  return fields;
}

/// RFC 3464 §2.3.6: "smtp" is for replies; a type that begins with "x-" is never registered.
std::string diagnostic(const ReportAnswer& answer, std::size_t octets) {
  return (answer.is_reply ? "smtp; " : "x-posthorn; ") +
         ReplyText(answer.words, ReplyText::Charset::ascii, octets).text();
}

/// RFC 3464 §2.3.
std::string recipient_fields(const ReportedRecipient& recipient, const DeliveryReport& report, bool utf8,
                             const Detail& detail) {
  std::string fields;
  if (recipient.original) fields += plain_field("Original-Recipient", address_value(*recipient.original, utf8));
  fields += plain_field("Final-Recipient", address_value(original_recipient_of(recipient.recipient), utf8));
  fields += plain_field("Action", action_name(recipient.action));
  fields += plain_field("Status", recipient.status.to_string());
  if (detail.only_required) return fields;
  const auto answer = answer_of(recipient);
  if (!answer.host.empty()) fields += plain_field("Remote-MTA", host_value(answer.host));
  if (!answer.words.empty()) fields += plain_field("Diagnostic-Code", diagnostic(answer, detail.reply_octets));
  if (recipient.last_attempt) {
    fields += plain_field("Last-Attempt-Date", to_date_time(*recipient.last_attempt, report.zone));
  }
  if (recipient.will_retry_until) {
    fields += plain_field("Will-Retry-Until", to_date_time(*recipient.will_retry_until, report.zone));
  }
  return fields;
}

MimePart text_part(const DeliveryReport& report, const ReportSettings& settings, std::string_view why_header_only) {
  auto text = report_text(report, settings, why_header_only);
  if (utf8::is_ascii(text))
    return {.type = "text/plain; charset=us-ascii", .encoding = "7bit", .body = std::move(text)};
  return {.type = "text/plain; charset=utf-8", .encoding = "quoted-printable", .body = encode_quoted_printable(text)};
}

std::string status_fields(const DeliveryReport& report, bool utf8, const Detail& detail) {
  auto fields = message_fields(report);
  for (const auto& recipient : report.recipients) fields += "\r\n" + recipient_fields(recipient, report, utf8, detail);
  return fields;
}

/// In as much detail as `room` octets allow.
MimePart status_part(const DeliveryReport& report, bool utf8, std::size_t room) {
  std::string body;
  for (const auto& detail : details) {
    body = status_fields(report, utf8, detail);
    if (body.size() <= room) break;
  }
  if (utf8::is_ascii(body)) return {.type = "message/delivery-status", .encoding = "7bit", .body = std::move(body)};
  return {.type = "message/global-delivery-status", .encoding = "8bit", .body = std::move(body)};
}

std::size_t room_beside(std::size_t octets, std::size_t room) { return room > octets ? room - octets : 0; }

/// RFC 3834 §3.1.4: the report belongs to the message's thread.
std::string thread_fields(const DeliveryReport& report) {
  const auto id = returned_message_id(report.message);
  return id.empty() ? std::string{} : plain_field("In-Reply-To", id) + plain_field("References", id);
}

std::string header(const DeliveryReport& report) {
  const auto& host = report.reporting_host;
  std::string text = plain_field("From", fmt::format("Mail Delivery System <MAILER-DAEMON@{}>", host));
  text += mailbox_list_field("To", std::array{NamedAddress{.display_name = {}, .address = report.to}});
  text += unstructured_field("Subject", report_subject(gravest_action(report)));
  text += plain_field("Date", to_date_time(report.now, report.zone));
  text += plain_field("Message-ID", fmt::format("<{}@{}>", report.id.to_string(), host));
  text += thread_fields(report);
  text += "Auto-Submitted: auto-replied\r\n";  // RFC 3834 §5
  return text += "MIME-Version: 1.0\r\n";
}

}  // namespace

ReportMessage build_delivery_report(const DeliveryReport& report, const ReportSettings& settings) {
  ensure(!report.recipients.empty(), "a report is about a recipient at least");
  const bool utf8 = report.to.needs_smtputf8();  // RFC 6533 §4.5: then the way back takes UTF-8
  auto whole = whole_message(report, settings, utf8);
  auto text = text_part(report, settings, whole.why_not);
  const auto room = room_beside(frame_octets + text.body.size(), settings.octets);
  // The header that is returned gives way to the recipients, which a report is about.
  auto status = status_part(report, utf8, room - std::min(report.message.size(), room / 3));
  const auto header_room = std::min(settings.header_octets, room_beside(status.body.size(), room));
  auto returned = whole.part ? *std::move(whole.part) : returned_header(report, utf8, header_room);
  std::vector<MimePart> parts;
  for (auto* part : {&text, &status, &returned}) parts.push_back(std::move(*part));
  const bool is_8bit = std::ranges::any_of(parts, [](const auto& part) { return part.encoding == "8bit"; });
  return {.text = header(report) + multipart("report; report-type=delivery-status", parts),
          .body = is_8bit ? BodyType::eight_bit : BodyType::seven_bit,
          .smtputf8 = utf8};
}

}  // namespace posthorn::mail
