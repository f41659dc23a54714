#include "store/drop_letter.hpp"

#include "base/ascii.hpp"
#include "mail/dsn_parameters.hpp"
#include "mail/path.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace posthorn::store {
namespace {

constexpr std::string_view first_line = "Posthorn-Drop: 1";

std::unexpected<Error> no_letter(std::string_view why) { return failure(Error::Kind::invalid, std::string(why)); }

std::string path_text(const std::optional<mail::Address>& address) {
  return "<" + (address ? address->to_string() : std::string{}) + ">";
}

/// "name: value"; none: no such line.
std::optional<std::pair<std::string_view, std::string_view>> parse_line(std::string_view line) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  return std::pair{line.substr(0, colon), line.substr(colon + 2)};
}

/// Reads one value into the envelope; each function knows one name.
Result<> read_sender(std::string_view value, mail::Envelope& into) {
  auto path = mail::parse_path(value);
  if (!path) return failure(std::move(path.error()));
  if (std::holds_alternative<mail::PostmasterPath>(*path)) return no_letter("the sender has no domain");
  if (auto* address = std::get_if<mail::Address>(&*path)) into.sender = std::move(*address);
  return {};
}

Result<> read_recipient(std::string_view value, mail::Envelope& into) {
  constexpr std::string_view notify_word = " NOTIFY=";
  const auto close = value.rfind('>');
  if (close == std::string_view::npos) return no_letter("a recipient is no path");
  auto path = mail::parse_path(value.substr(0, close + 1));
  if (!path) return failure(std::move(path.error()));
  auto* address = std::get_if<mail::Address>(&*path);
  if (address == nullptr) return no_letter("a recipient has no domain");
  mail::Recipient recipient{.address = std::move(*address)};
  const auto rest = value.substr(close + 1);
  if (!rest.empty()) {
    if (!rest.starts_with(notify_word)) return no_letter("something else follows a recipient");
    const auto notify = mail::parse_notify(rest.substr(notify_word.size()));
    if (!notify) return failure(notify.error());
    recipient.notify = *notify;
  }
  into.recipients.push_back(std::move(recipient));
  return {};
}

Result<> read_return(std::string_view value, mail::Envelope& into) {
  const auto content = mail::parse_return_content(value);
  if (!content) return failure(content.error());
  into.return_content = *content;
  return {};
}

Result<> read_envelope_id(std::string_view value, mail::Envelope& into) {
  auto id = mail::parse_envelope_id(value);
  if (!id) return failure(std::move(id.error()));
  into.envelope_id = std::move(*id);
  return {};
}

Result<> read_line(std::string_view line, mail::Envelope& into) {
  const auto parsed = parse_line(line);
  if (!parsed) return no_letter("a line of its envelope has no name");
  const auto& [name, value] = *parsed;
  if (name == "Sender") return read_sender(value, into);
  if (name == "Recipient") return read_recipient(value, into);
  if (name == "Return") return read_return(value, into);
  if (name == "Envelope-Id") return read_envelope_id(value, into);
  if (name == "SMTPUTF8") {
    into.smtputf8 = true;
    return {};
  }
  return no_letter("its envelope has a line of an unknown name");
}

}  // namespace

std::string drop_head(const mail::Envelope& envelope) {
  std::string head(first_line);
  head += "\nSender: " + path_text(envelope.sender) + '\n';
  for (const auto& recipient : envelope.recipients) {
    head += "Recipient: " + path_text(recipient.address);
    if (recipient.notify.is_given()) head += " NOTIFY=" + mail::notify_value(recipient.notify);
    head += '\n';
  }
  if (envelope.return_content != mail::ReturnContent::unspecified) {
    head += "Return: " + std::string(mail::return_content_value(envelope.return_content)) + '\n';
  }
  if (!envelope.envelope_id.empty()) head += "Envelope-Id: " + mail::envelope_id_value(envelope.envelope_id) + '\n';
  if (envelope.smtputf8) head += "SMTPUTF8: yes\n";
  return head += '\n';
}

Result<DropLetter> parse_drop_letter(std::string_view text) {
  DropLetter letter;
  bool is_first = true;
  while (true) {
    const auto rest = text.substr(letter.text_begins);
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return no_letter("its envelope has no end");
    const auto line = rest.substr(0, end);
    letter.text_begins += end + 1;
    if (std::exchange(is_first, false)) {
      if (line != first_line) return no_letter("it does not begin as a letter of this version does");
      continue;
    }
    if (line.empty()) break;
    if (auto read = read_line(line, letter.envelope); !read) return failure(std::move(read.error()));
  }
  if (letter.envelope.recipients.empty()) return no_letter("it names no recipient");
  return letter;
}

}  // namespace posthorn::store
