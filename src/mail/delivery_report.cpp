#include "mail/delivery_report.hpp"

#include "base/assert.hpp"
#include "base/clean_text.hpp"
#include "base/utf8.hpp"
#include "mail/date.hpp"
#include "mail/dsn_parameters.hpp"
#include "mail/header_writer.hpp"
#include "mail/report_text.hpp"
#include "mail/returned_message.hpp"
#include "mail/transfer_encoding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace posthorn::mail {
namespace {

constexpr std::size_t reply_octets = 900;        // with the field's name one line of RFC 5322 §2.1.1 at most
constexpr std::size_t short_reply_octets = 200;  // where there are many recipients
constexpr std::size_t many_recipients = 50;
constexpr std::size_t host_octets = 255;

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

/// RFC 3464 §2.3.
std::string recipient_fields(const ReportedRecipient& recipient, const DeliveryReport& report, bool utf8) {
  std::string fields;
  if (recipient.original) fields += plain_field("Original-Recipient", address_value(*recipient.original, utf8));
  fields += plain_field("Final-Recipient", address_value(original_recipient_of(recipient.recipient), utf8));
  fields += plain_field("Action", action_name(recipient.action));
  fields += plain_field("Status", recipient.status.to_string());
  if (!recipient.remote_host.empty()) fields += plain_field("Remote-MTA", host_value(recipient.remote_host));
  if (!recipient.reply.empty()) {
    const auto limit = report.recipients.size() > many_recipients ? short_reply_octets : reply_octets;
    fields +=
        plain_field("Diagnostic-Code",
                    "smtp; " + ReplyText(reply_in_one_line(recipient.reply), ReplyText::Charset::ascii, limit).text());
  }
  if (recipient.last_attempt) {
    fields += plain_field("Last-Attempt-Date", to_date_time(*recipient.last_attempt, report.zone));
  }
  if (recipient.will_retry_until) {
    fields += plain_field("Will-Retry-Until", to_date_time(*recipient.will_retry_until, report.zone));
  }
  return fields;
}

MimePart text_part(const DeliveryReport& report, const ReportSettings& settings) {
  auto text = report_text(report, settings);
  if (utf8::is_ascii(text))
    return {.type = "text/plain; charset=us-ascii", .encoding = "7bit", .body = std::move(text)};
  return {.type = "text/plain; charset=utf-8", .encoding = "quoted-printable", .body = encode_quoted_printable(text)};
}

MimePart status_part(const DeliveryReport& report, bool utf8) {
  auto body = message_fields(report);
  for (const auto& recipient : report.recipients) body += "\r\n" + recipient_fields(recipient, report, utf8);
  if (utf8::is_ascii(body)) return {.type = "message/delivery-status", .encoding = "7bit", .body = std::move(body)};
  return {.type = "message/global-delivery-status", .encoding = "8bit", .body = std::move(body)};
}

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
  const std::vector<MimePart> parts{text_part(report, settings), status_part(report, utf8),
                                    returned_part(report, settings, utf8)};
  const bool is_8bit = std::ranges::any_of(parts, [](const auto& part) { return part.encoding == "8bit"; });
  return {.text = header(report) + multipart("report; report-type=delivery-status", parts),
          .body = is_8bit ? BodyType::eight_bit : BodyType::seven_bit,
          .smtputf8 = utf8};
}

}  // namespace posthorn::mail
