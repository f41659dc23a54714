// The report about what became of a message (RFC 3464 in the multipart/report of RFC 6522, with the rules of RFC 3461 §6
// and RFC 6533): a text for people, a part for programs, and the message it is about or its header. A function of its
// inputs; the caller sends it with the null sender (RFC 3461 §6.1) and sees to it that no report answers a report.
// Whatever the remote server said and the message holds, the result is a clean message: CRLF lines, no NUL, and 7-bit but
// where `ReportMessage` says otherwise.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "mail/address.hpp"
#include "mail/enhanced_status.hpp"
#include "mail/envelope.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::mail {

/// RFC 3464 §2.3.3.
enum class DeliveryAction : std::uint8_t {
  failed,     ///< will not be delivered
  delayed,    ///< still being tried
  delivered,  ///< is in its mailbox
  relayed,    ///< was handed to a server that does not report on deliveries
  expanded,   ///< was handed on to several addresses
};

struct ReportedRecipient {
  Address recipient;                          ///< as the message was accepted for it
  std::optional<OriginalRecipient> original;  ///< ORCPT, if it was given
  DeliveryAction action = DeliveryAction::failed;
  EnhancedStatus status;
  std::string reason;       ///< in plain words, one sentence; empty: what the server said must do
  std::string remote_host;  ///< whom it was tried with; "/path": a socket of ours, which is not told; empty: nobody
  std::string reply;        ///< the SMTP reply, lines as they came, or our words about the connection; empty: none
  std::optional<WallTime> last_attempt;
  std::optional<WallTime> will_retry_until;  ///< of a delayed one
};

/// What a report is made of.
struct DeliveryReport {
  MessageId id;                ///< of the report itself
  Address to;                  ///< the sender of the message reported on, or the postmaster
  std::string reporting_host;  ///< our host name
  WallTime now;
  std::chrono::minutes zone{0};

  MessageId message_id;     ///< of the message reported on
  WallTime arrival;         ///< when it was accepted
  std::string envelope_id;  ///< ENVID; empty: none was given
  ReturnContent return_content = ReturnContent::unspecified;
  std::string_view message;                   ///< the message, or its beginning with the whole header
  bool message_is_whole = true;               ///< `message` is all of it
  std::vector<ReportedRecipient> recipients;  ///< one at least
};

struct ReportSettings {
  std::size_t header_octets = 24 << 10;  ///< of a returned header; the rest is left out
  std::size_t full_octets = 1 << 20;     ///< a larger message is returned as its header
  /// Of a report that does not return the whole message. Where the recipients are many, their replies are cut, then all
  /// is left out that RFC 3464 §2.3 does not require; a group of required fields stays for each, also past this bound.
  std::size_t octets = 64 << 10;
  std::size_t described_recipients = 20;  ///< told of in the text for people; the part for programs has all
};

struct ReportMessage {
  std::string text;                     ///< the whole message
  BodyType body = BodyType::seven_bit;  ///< what MAIL has to declare
  bool smtputf8 = false;                ///< the header or an address in it is UTF-8
};

[[nodiscard]] ReportMessage build_delivery_report(const DeliveryReport& report, const ReportSettings& settings = {});

}  // namespace posthorn::mail
