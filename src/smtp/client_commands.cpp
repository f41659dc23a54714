#include "smtp/client_commands.hpp"

#include "mail/dsn_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace posthorn::smtp {
namespace {

using mail::BodyType;

std::back_insert_iterator<std::string> end_of(std::string& text) { return std::back_inserter(text); }

void add_dsn_parameters(const mail::Envelope& envelope, std::string& line) {
  if (envelope.return_content != mail::ReturnContent::unspecified) {
    fmt::format_to(end_of(line), " RET={}", mail::return_content_value(envelope.return_content));
  }
  if (!envelope.envelope_id.empty()) {
    fmt::format_to(end_of(line), " ENVID={}", mail::envelope_id_value(envelope.envelope_id));
  }
}

bool needs_smtputf8(const ClientMessage& message) {
  const auto& [sender, recipients] = std::tie(message.envelope.sender, message.envelope.recipients);
  return message.needs_smtputf8 || (sender && sender->needs_smtputf8()) ||
         std::ranges::any_of(recipients, [](const auto& recipient) { return recipient.address.needs_smtputf8(); });
}

bool needs_seven_bit(const ClientMessage& message, const PeerExtensions& peer) {
  switch (message.envelope.body) {
    case BodyType::seven_bit:
      return false;
    case BodyType::eight_bit:
      return !peer.eight_bit_mime;
    // RFC 3030 §3: only by BDAT, only where it is offered.
    case BodyType::binary:
      return !peer.binary_mime || !peer.chunking;
  }
  return false;
}

Outcome never(mail::EnhancedStatus status, std::string text) {
  return {Outcome::Kind::permanent, Step::mail, status, 0, std::move(text)};
}

}  // namespace

std::string mail_command(const ClientMessage& message, const PeerExtensions& peer) {
  const auto& envelope = message.envelope;
  auto line = fmt::format("MAIL FROM:<{}>", envelope.sender ? envelope.sender->to_string() : "");
  if (peer.size && message.size > 0) fmt::format_to(end_of(line), " SIZE={}", message.size);
  if (envelope.body == BodyType::eight_bit && peer.eight_bit_mime) line += " BODY=8BITMIME";
  if (envelope.body == BodyType::binary && peer.binary_mime) line += " BODY=BINARYMIME";
  // RFC 6531 §3.4: only where it is needed, so that the mail can go on through servers without it.
  if (peer.smtputf8 && needs_smtputf8(message)) line += " SMTPUTF8";
  if (peer.dsn) add_dsn_parameters(envelope, line);
  if (peer.require_tls && envelope.require_tls) line += " REQUIRETLS";
  return line;
}

std::string rcpt_command(const mail::Recipient& recipient, const PeerExtensions& peer) {
  auto line = fmt::format("RCPT TO:<{}>", recipient.address.to_string());
  if (!peer.dsn) return line;
  if (recipient.notify.is_given()) fmt::format_to(end_of(line), " NOTIFY={}", mail::notify_value(recipient.notify));
  if (recipient.original) {
    const auto form = peer.smtputf8 ? mail::UnitextForm::utf8 : mail::UnitextForm::ascii;
    fmt::format_to(end_of(line), " ORCPT={}", mail::original_recipient_value(*recipient.original, form));
  }
  return line;
}

std::optional<Outcome> refused_beforehand(const ClientMessage& message, const PeerExtensions& peer, bool encrypted) {
  // RFC 8689 §4.2.1; §4.2 exempts bounces.
  if (message.envelope.require_tls && message.envelope.sender && !encrypted) {
    return never({5, 7, 10}, "the sender requires TLS, which the connection has not");
  }
  if (message.envelope.require_tls && message.envelope.sender && !peer.require_tls) {
    return never({5, 7, 30}, "the sender requires REQUIRETLS, which the server does not offer");
  }
  // RFC 6531 §3.5
  if (needs_smtputf8(message) && !peer.smtputf8) {
    return never({5, 6, 7},
                 "the message has addresses or header fields in UTF-8, and the server does not offer SMTPUTF8");
  }
  // RFC 1870 §6.4: not worth sending.
  if (peer.size_limit > 0 && message.size > peer.size_limit) {
    return never({5, 3, 4},
                 fmt::format("the message has {} octets, and the server takes {}", message.size, peer.size_limit));
  }
  // RFC 6152 §3
  if (needs_seven_bit(message, peer)) {
    return never(not_seven_bit, "the message is not 7-bit text, and the server takes nothing else");
  }
  return std::nullopt;
}

}  // namespace posthorn::smtp
