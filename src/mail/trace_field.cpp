#include "mail/trace_field.hpp"

#include "base/ascii.hpp"
#include "mail/date.hpp"
#include "mail/domain.hpp"

#include <vector>

namespace posthorn::mail {
namespace {

constexpr std::size_t line_octets = 78;  // RFC 5322 §2.1.1
constexpr std::size_t kept_octets = 255;

/// A host name as someone else gave it. What is no domain is cut to what an atom may hold, so that it stays one word.
std::string host(std::string_view text) {
  if (const auto domain = Domain::parse(text)) return domain->text();
  std::string clean;
  for (const char c : text.substr(0, kept_octets)) {
    const bool may_stand = ascii::is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
    clean += may_stand ? c : '?';
  }
  return clean;
}

/// Text that can stand in a comment: it ends neither the comment nor the line (RFC 5322 §3.2.2: ctext), and has no
/// semicolon, so that the date is what follows the only one.
std::string comment(std::string_view text) {
  std::string clean = "(";
  for (const char c : text.substr(0, kept_octets)) {
    const bool may_stand = ascii::is_printable(c) && !std::string_view("()\\;").contains(c);
    clean += may_stand ? c : '?';
  }
  return clean += ')';
}

std::string literal(const IpAddress& address) { return (address.is_v6() ? "[IPv6:" : "[") + address.to_string() + ']'; }

/// RFC 5321 §4.4: TCP-info.
std::string tcp_info(const ReceivedFacts& facts) {
  const auto name = facts.host_name.empty() ? std::string{} : host(facts.host_name) + ' ';
  return '(' + name + literal(*facts.address) + ')';
}

/// The field's clauses, in the order of RFC 5321 §4.4, each to be kept on one line.
std::vector<std::string> clauses(const ReceivedFacts& facts) {
  std::vector<std::string> parts;
  if (!facts.helo.empty()) {
    parts.push_back("from " + host(facts.helo));
  } else if (facts.address) {
    parts.push_back("from " + literal(*facts.address));
  }
  if (facts.address) parts.push_back(tcp_info(facts));
  if (!facts.by.empty()) parts.push_back("by " + host(facts.by));
  if (facts.account.empty()) {
    parts.push_back("with " + facts.with.keyword());
  } else {
    parts.push_back(comment("from account " + facts.account));
  }
  if (!facts.tls.empty()) parts.push_back(comment(facts.tls));
  parts.push_back("id " + facts.id.to_string());
  if (facts.recipient) parts.push_back("for <" + facts.recipient->to_string() + '>');
  parts.back() += ';';
  parts.push_back(to_date_time(facts.time, facts.zone));
  return parts;
}

}  // namespace

std::string TransmissionType::keyword() const {
  const bool extended = protocol != Protocol::smtp;
  // RFC 6531 §4.3: SMTPUTF8 asks for EHLO, so its keywords have no E.
  std::string word = extended && smtputf8 ? "UTF8" : "";
  switch (protocol) {
    case Protocol::smtp:
      word += "SMTP";
      break;
    case Protocol::esmtp:
      word += smtputf8 ? "SMTP" : "ESMTP";
      break;
    case Protocol::lmtp:
      word += "LMTP";
      break;
  }
  if (extended && tls) word += 'S';  // RFC 3848: there is no such keyword for HELO
  if (extended && authenticated) word += 'A';
  return word;
}

std::string received_field(const ReceivedFacts& facts) {
  std::string field = "Received:";
  auto column = field.size();
  for (const auto& clause : clauses(facts)) {
    const bool fits = column + 1 + clause.size() <= line_octets;
    field += fits ? " " : "\r\n\t";
    column = (fits ? column : 0) + 1 + clause.size();
    field += clause;
  }
  return field += "\r\n";
}

std::string return_path_field(const std::optional<Address>& sender) {
  return "Return-Path: <" + (sender ? sender->to_string() : std::string{}) + ">\r\n";
}

std::string delivered_to_field(const Address& recipient) { return "Delivered-To: " + recipient.to_string() + "\r\n"; }

}  // namespace posthorn::mail
