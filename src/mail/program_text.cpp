#include "mail/program_text.hpp"

#include "base/ascii.hpp"
#include "mail/header_field.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::mail {
namespace {

/// RFC 5322 §2.2, with §4.5's blanks before the colon.
bool is_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = ascii::trim(line.substr(0, colon));
  const bool starts_well = !name.empty() && !ascii::is_blank(line.front());
  return starts_well && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

/// What mbox files put before a message.
bool is_mbox_line(std::string_view line) { return line.starts_with("From ") || line.starts_with(">From "); }

/// Whose values name recipients.
enum class Role { none, recipient, resent_recipient };

struct RecipientField {
  std::string_view name;
  Role role;
  bool is_hidden;
};

constexpr std::array recipient_fields{
    RecipientField{"To", Role::recipient, false},
    RecipientField{"Cc", Role::recipient, false},
    RecipientField{"Bcc", Role::recipient, true},
    RecipientField{"Resent-To", Role::resent_recipient, false},
    RecipientField{"Resent-Cc", Role::resent_recipient, false},
    RecipientField{"Resent-Bcc", Role::resent_recipient, true},
};

constexpr std::size_t most_recipients = 100'000;

struct Named {
  std::vector<ListedMailbox> mailboxes;
  bool names_all = true;

  void add(std::string_view value) {
    auto list = parse_address_list(value, most_recipients);
    std::ranges::move(list.mailboxes, std::back_inserter(mailboxes));
    names_all = names_all && mailboxes.size() < most_recipients;
  }
};

}  // namespace

std::string_view ProgramText::feed(std::string_view octets) {
  out_.clear();
  for (const char c : octets) {
    if (has_ended_) break;
    feed_octet(c);
  }
  return out_;
}

void ProgramText::feed_octet(char c) {
  const bool completes_crlf = c == '\n' && std::exchange(after_cr_, false);
  if (completes_crlf) return;
  after_cr_ = c == '\r';
  if (c == '\r' || c == '\n') return end_line();
  if (at_line_start_ && !holds_dot_ && c == '.' && a_dot_ends_) {
    holds_dot_ = true;
    return;
  }
  if (std::exchange(holds_dot_, false)) out_ += '.';
  at_line_start_ = false;
  out_ += c;
}

void ProgramText::end_line() {
  if (holds_dot_) {
    holds_dot_ = false;
    has_ended_ = true;
    return;
  }
  out_ += "\r\n";
  at_line_start_ = true;
}

std::string_view ProgramText::finish() {
  out_.clear();
  if (!has_ended_ && !at_line_start_) out_ = "\r\n";
  has_ended_ = true;
  return out_;
}

std::optional<HeaderExtent> find_header_end(std::string_view text, bool is_all) {
  std::size_t at = 0;
  bool any_field = false;
  while (at < text.size()) {
    const auto end = text.find("\r\n", at);
    if (end == std::string_view::npos && !is_all) return std::nullopt;
    const auto line = text.substr(at, end == std::string_view::npos ? end : end - at);
    const auto next = end == std::string_view::npos ? text.size() : end + 2;
    if (line.empty()) return HeaderExtent{at, next};
    const bool continues = any_field && ascii::is_blank(line.front());
    const bool belongs = continues || is_field(line) || (at == 0 && is_mbox_line(line));
    if (!belongs) return HeaderExtent{at, at};
    any_field = any_field || !is_mbox_line(line);
    at = next;
  }
  return is_all ? std::optional{HeaderExtent{at, at}} : std::nullopt;
}

ProgramHeader read_program_header(std::string_view header) {
  ProgramHeader read;
  Named named;
  Named resent;
  bool is_resent = false;
  if (is_mbox_line(header)) header.remove_prefix(std::min(header.find("\r\n"), header.size() - 2) + 2);
  HeaderReader reader(header);
  while (const auto field = reader.next()) {
    const auto* known = std::ranges::find_if(recipient_fields, [&](const auto& each) { return field->is(each.name); });
    const bool is_recipient_field = known != recipient_fields.end();
    if (is_recipient_field) (known->role == Role::recipient ? named : resent).add(field->value);
    if (is_recipient_field && known->role == Role::resent_recipient) is_resent = true;
    if (field->is("From")) ++read.from_fields;
    if (!is_recipient_field || !known->is_hidden) read.kept += field->raw;
  }
  auto& chosen = is_resent ? resent : named;
  read.recipients = std::move(chosen.mailboxes);
  read.names_all = chosen.names_all;
  return read;
}

}  // namespace posthorn::mail
