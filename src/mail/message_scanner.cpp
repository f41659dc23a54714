#include "mail/message_scanner.hpp"

#include "base/ascii.hpp"

#include <algorithm>

namespace posthorn::mail {
namespace {

constexpr std::size_t kept_name_octets = 16;      // one more than any name that is looked at
constexpr std::size_t kept_value_octets = 1'024;  // more than any address with its folding

/// RFC 5322 §2.2: ftext.
bool is_name_character(char c) { return c > ' ' && c < 0x7f && c != ':'; }

bool is_line_end(char c) { return c == '\r' || c == '\n'; }

std::optional<Address> address_in(std::string_view value) {
  value = ascii::trim(value);
  if (value.starts_with('<') && value.ends_with('>')) value = value.substr(1, value.size() - 2);
  auto address = Address::parse(value);
  if (!address) return std::nullopt;
  return *std::move(address);
}

}  // namespace

void MessageScanner::feed(std::string_view bytes) {
  if (bytes.empty()) return;
  facts_.octets += bytes.size();
  const bool lf_ends_crlf = bytes.size() > 1 ? bytes.ends_with("\r\n") : after_cr_;
  facts_.ends_with_crlf = bytes.ends_with('\n') && lf_ends_crlf;
  feed_body(feed_header(bytes));
  check_sizes();
}

void MessageScanner::finish() {
  if (after_cr_) fail(MessageFault::bare_cr);
  after_cr_ = false;
  if (place_ != Place::body) {
    if (place_ == Place::name || place_ == Place::after_name) start_junk();
    end_field();
    place_ = Place::body;
  }
  facts_.longest_line = std::max(facts_.longest_line, line_octets_);
}

bool MessageScanner::was_delivered_to(const Address& recipient) const {
  return std::ranges::find(delivered_to_, recipient.fingerprint()) != delivered_to_.end();
}

/// Returns what follows the header: nothing while it goes on.
std::string_view MessageScanner::feed_header(std::string_view bytes) {
  auto rest = bytes;
  while (place_ != Place::body && !rest.empty()) {
    const auto part = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    feed_line_part(part);
    rest.remove_prefix(part.size());
  }
  const auto header = bytes.substr(0, bytes.size() - rest.size());
  facts_.header_octets += header.size();
  inspect(header, facts_.header_has_8bit);
  return rest;
}

void MessageScanner::feed_body(std::string_view bytes) {
  inspect(bytes, facts_.body_has_8bit);
  for (auto line_end = bytes.find('\n'); line_end != std::string_view::npos; line_end = bytes.find('\n')) {
    line_octets_ += line_end + 1;
    end_line();
    bytes.remove_prefix(line_end + 1);
  }
  line_octets_ += bytes.size();
}

/// What single octets tell, for which one pass in wide steps does: the loop has no branch.
void MessageScanner::inspect(std::string_view bytes, bool& has_8bit) {
  if (bytes.empty()) return;
  bool unpaired = after_cr_ != (bytes.front() == '\n');
  bool nul = bytes.front() == '\0';
  unsigned char bits = static_cast<unsigned char>(bytes.front());
  for (std::size_t i = 1; i < bytes.size(); ++i) {
    unpaired |= (bytes[i - 1] == '\r') != (bytes[i] == '\n');
    nul |= bytes[i] == '\0';
    bits |= static_cast<unsigned char>(bytes[i]);
  }
  if (nul) fail(MessageFault::nul);
  if (bits >= 0x80) has_8bit = true;
  if (unpaired) find_bare_line_ends(bytes);
  after_cr_ = bytes.back() == '\r';
}

/// RFC 5321 §2.3.8: CR and LF only together.
void MessageScanner::find_bare_line_ends(std::string_view bytes) {
  bool after_cr = after_cr_;
  for (const char c : bytes) {
    if (after_cr && c != '\n') fail(MessageFault::bare_cr);
    if (!after_cr && c == '\n') fail(MessageFault::bare_lf);
    after_cr = c == '\r';
  }
}

void MessageScanner::check_sizes() {
  if (facts_.octets > settings_.octets) fail(MessageFault::too_large);
  if (facts_.header_octets > settings_.header_octets) fail(MessageFault::header_too_large);
  if (line_octets_ > settings_.line_octets) fail(MessageFault::line_too_long);
}

void MessageScanner::end_line() {
  if (line_octets_ > settings_.line_octets) fail(MessageFault::line_too_long);
  facts_.longest_line = std::max(facts_.longest_line, line_octets_);
  line_octets_ = 0;
  ++facts_.lines;
  if (place_ == Place::body) return;
  if (place_ == Place::line_start) {
    end_field();
    facts_.header_ended = true;
    place_ = Place::body;
    return;
  }
  if (place_ == Place::name || place_ == Place::after_name) start_junk();
  place_ = Place::line_start;
}

/// A line of the header, or as much of it as has come; only its last octet may be an LF.
void MessageScanner::feed_line_part(std::string_view part) {
  line_octets_ += part.size();
  auto rest = part;
  while (!rest.empty() && (place_ == Place::line_start || place_ == Place::name || place_ == Place::after_name)) {
    if (!is_line_end(rest.front())) feed_name(rest.front());
    rest.remove_prefix(1);
  }
  if (in_delivered_to_ && place_ == Place::value) {
    for (const char c : rest) {
      if (!is_line_end(c) && delivered_to_value_.size() < kept_value_octets) delivered_to_value_ += c;
    }
  }
  if (part.ends_with('\n')) end_line();
}

void MessageScanner::feed_name(char c) {
  if (place_ == Place::line_start) return start_header_line(c);
  if (c == ':') return start_value();
  if (ascii::is_blank(c)) {
    place_ = Place::after_name;  // RFC 5322 §4.5: blanks may stand before the colon
  } else if (place_ == Place::after_name || !is_name_character(c)) {
    start_junk();
  } else if (name_.size() < kept_name_octets) {
    name_ += c;
  }
}

void MessageScanner::start_header_line(char c) {
  if (ascii::is_blank(c) && facts_.header_fields + facts_.malformed_header_lines > 0) {
    place_ = Place::value;
    return;
  }
  end_field();
  name_.clear();
  if (!is_name_character(c)) return start_junk();
  place_ = Place::name;
  name_ += c;
}

void MessageScanner::start_value() {
  place_ = Place::value;
  ++facts_.header_fields;
  count_field();
  if (facts_.header_fields + facts_.malformed_header_lines > settings_.header_fields) {
    fail(MessageFault::too_many_fields);
  }
}

void MessageScanner::start_junk() {
  place_ = Place::junk;
  ++facts_.malformed_header_lines;
  if (facts_.header_fields + facts_.malformed_header_lines > settings_.header_fields) {
    fail(MessageFault::too_many_fields);
  }
}

void MessageScanner::count_field() {
  const auto is = [&](std::string_view name) { return ascii::same_word(name_, name); };
  if (is("received") && ++facts_.received_fields > settings_.received_fields) fail(MessageFault::too_many_hops);
  if (is("from")) ++facts_.from_fields;
  if (is("sender")) ++facts_.sender_fields;
  if (is("date")) ++facts_.date_fields;
  if (is("message-id")) ++facts_.message_id_fields;
  if (is("bcc")) ++facts_.bcc_fields;
  in_delivered_to_ = is("delivered-to");
}

void MessageScanner::end_field() {
  if (!in_delivered_to_) return;
  in_delivered_to_ = false;
  const auto address = address_in(delivered_to_value_);
  delivered_to_value_.clear();
  if (address && delivered_to_.size() < settings_.delivered_to_fields) delivered_to_.push_back(address->fingerprint());
}

void MessageScanner::fail(MessageFault fault) { facts_.fault = std::min(fault, facts_.fault.value_or(fault)); }

}  // namespace posthorn::mail
