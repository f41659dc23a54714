// Delivery reports about messages and answers of any kind: always a clean message whose parts can be found again.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/content_type.hpp"
#include "mail/delivery_report.hpp"
#include "mail/header_field.hpp"
#include "mail/message_scanner.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

/// The input: an octet of choices, a line that is what a server said, and the message.
mail::DeliveryReport report_from(std::string_view input) {
  const auto choices = input.empty() ? 0U : static_cast<unsigned char>(input.front());
  const auto line_end = std::min(input.find('\n'), input.size());
  const auto said = std::string(input.substr(0, line_end));
  const auto sender = *mail::Address::parse((choices & 1U) != 0 ? "älice@example.org" : "alice@example.org");
  mail::ReportedRecipient recipient{.recipient = sender,
                                    .original = std::nullopt,
                                    .action = mail::DeliveryAction{static_cast<std::uint8_t>(choices >> 1 & 3U)},
                                    .status = mail::EnhancedStatus{5, 0, 0},
                                    .reason = said,
                                    .remote_host = said,
                                    .reply = said,
                                    .last_attempt = WallTime{},
                                    .will_retry_until = std::nullopt};
  return {.id = MessageId{1},
          .to = sender,
          .reporting_host = "mail.example.org",
          .now = WallTime{},
          .zone = {},
          .message_id = MessageId{2},
          .arrival = WallTime{},
          .envelope_id = "",
          .return_content = (choices & 8U) != 0 ? mail::ReturnContent::full : mail::ReturnContent::headers,
          .message = input.substr(line_end),
          .message_is_whole = (choices & 16U) == 0,
          .recipients = {recipient, recipient}};
}

std::size_t part_count(std::string_view text) {
  mail::HeaderReader reader(text);
  std::string boundary;
  while (const auto field = reader.next()) {
    ensure(!field->name.empty(), "a report has fields only");
    if (!field->is("Content-Type")) continue;
    const auto type = mail::parse_content_type(field->value);
    ensure(type && type->parameter("boundary") != nullptr, "a report has a boundary");
    boundary = "\r\n--" + *type->parameter("boundary");
  }
  std::size_t parts = 0;
  for (auto at = text.find(boundary); at != std::string_view::npos; at = text.find(boundary, at + 1)) ++parts;
  ensure(text.ends_with(boundary + "--\r\n"), "the last delimiter ends it");
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const auto report = report_from(input);
  const auto built = mail::build_delivery_report(report);
  mail::MessageScanner scanner{mail::MessageScanner::Settings{}};
  scanner.feed(built.text);
  scanner.finish();
  const auto& facts = scanner.facts();
  ensure(!facts.fault && facts.malformed_header_lines == 0 && facts.ends_with_crlf, "a report is clean");
  ensure(facts.longest_line <= 1'000 && facts.from_fields == 1, "a report has one author");
  ensure(built.smtputf8 || !facts.header_has_8bit, "its header is ASCII where it must be");
  ensure(built.body == mail::BodyType::eight_bit || !facts.body_has_8bit, "its body is 7-bit where it must be");
  ensure(part_count(built.text) == 4, "three parts and the end");
  return 0;
}
