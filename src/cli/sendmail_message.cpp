#include "cli/sendmail_message.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "base/utf8.hpp"
#include "mail/address_list.hpp"
#include "mail/header_writer.hpp"
#include "system/clock.hpp"
#include "system/own_user.hpp"
#include "system/standard_streams.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::size_t piece_octets = 64U << 10;
constexpr std::size_t most_recipients = 30'000;           // what the head of a letter holds
constexpr Duration input_limit = std::chrono::hours{24};  // a program may write its mail for as long as it works

std::string_view words_of(mail::MessageFault fault) {
  using enum mail::MessageFault;
  switch (fault) {
    case bare_cr:
    case bare_lf:
      return "a line of it has no proper end";
    case nul:
      return "it holds a NUL, which no mail may";
    case too_large:
      return "it is larger than the server takes";
    case line_too_long:
      return "a line of it is too long";
    case header_too_large:
      return "its header is too large";
    case too_many_fields:
      return "its header has too many fields";
    case too_many_hops:
      return "it has too many Received fields: it goes in circles";
  }
  return "it is no message";
}

/// From the account's description, in whatever the machine uses.
std::string as_utf8(std::string text) { return utf8::is_valid(text) ? text : std::string{}; }

}  // namespace

ExitStatus SendmailMessage::run() {
  const auto done = work();
  if (done) return ExitStatus::ok;
  console_.complain("{}", done.error().text);
  return done.error().status;
}

SendmailMessage::Done SendmailMessage::work() {
  for (const auto step : {&SendmailMessage::find_sender, &SendmailMessage::read_header,
                          &SendmailMessage::find_recipients, &SendmailMessage::write}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  return {};
}

std::expected<std::string, SendmailMessage::Failure> SendmailMessage::read_more() {
  std::string piece(piece_octets, '\0');
  while (!at_end_) {
    const auto count = system::read_standard_input(piece, input_limit);
    if (!count) return std::unexpected(Failure{ExitStatus::io_fault, count.error().text});
    std::string read(text_.feed(std::string_view(piece).substr(0, *count)));
    at_end_ = *count == 0 || text_.has_ended();
    if (at_end_) read += text_.finish();
    if (!read.empty()) return read;
  }
  return std::string{};
}

SendmailMessage::Done SendmailMessage::read_header() {
  std::string gathered;
  std::optional<mail::HeaderExtent> extent;
  do {
    auto more = read_more();
    if (!more) return std::unexpected(std::move(more.error()));
    gathered += *more;
    extent = mail::find_header_end(gathered, at_end_);
    if (!extent && gathered.size() > place_.message.header_octets + piece_octets) {
      return std::unexpected(Failure{ExitStatus::bad_data, "its header is too large"});
    }
  } while (!extent && !at_end_);
  const auto& end = extent.value();
  header_ = mail::read_program_header(std::string_view(gathered).substr(0, end.octets));
  // Different readers would see different authors.
  if (header_.from_fields > 1)
    return std::unexpected(Failure{ExitStatus::bad_data, "the message has several From fields"});
  body_start_ = gathered.substr(end.body_begins);
  return {};
}

SendmailMessage::Done SendmailMessage::find_sender() {
  auto text = options_.sender.value_or(system::own_user_name());
  if (options_.sender && (text.empty() || text == "<>")) return {};
  // What is no plain address may be one with a name before it; what has line breaks is none, whatever could be made of it.
  const bool is_one_line = std::ranges::none_of(text, ascii::is_control);
  auto list = mail::parse_address_list(text, 2);
  const bool is_one = is_one_line && list.mailboxes.size() == 1;
  auto sender = is_one ? address_of(list.mailboxes.front()) : qualified(text, place_.domain);
  if (!sender) {
    return std::unexpected(Failure{ExitStatus::bad_data, fmt::format("the sender \"{}\" is no address: {}",
                                                                     LogText(text, 120).text(), sender.error().text)});
  }
  envelope_.sender = std::move(*sender);
  return {};
}

/// Where no domain is named, it is ours.
Result<mail::Address> SendmailMessage::address_of(const mail::ListedMailbox& mailbox) const {
  if (mailbox.address) return *mailbox.address;
  return qualified(mailbox.text, place_.domain);
}

/// Words of the command: names, addresses, lists of them.
std::expected<std::vector<mail::ListedMailbox>, SendmailMessage::Failure> SendmailMessage::named_recipients() const {
  std::vector<mail::ListedMailbox> named;
  for (const auto& word : options_.recipients) {
    if (std::ranges::any_of(word, ascii::is_control)) {
      return std::unexpected(Failure{ExitStatus::bad_data, "a recipient has line breaks or control characters"});
    }
    if (word.find_first_of(",<\"") == std::string::npos) {
      named.push_back({.display_name = {}, .text = word, .address = {}});
      continue;
    }
    auto list = mail::parse_address_list(word, most_recipients + 1);
    std::ranges::move(list.mailboxes, std::back_inserter(named));
  }
  return named;
}

SendmailMessage::Done SendmailMessage::find_recipients() {
  auto named = named_recipients();
  if (!named) return std::unexpected(std::move(named.error()));
  if (options_.names_recipients_in_header) {
    if (!header_.names_all) return too_many_recipients();
    std::ranges::move(header_.recipients, std::back_inserter(*named));
  }
  for (const auto& mailbox : *named) {
    if (auto added = add_recipient(mailbox); !added) return added;
  }
  if (envelope_.recipients.empty()) {
    const auto* hint = options_.names_recipients_in_header ? "its To, Cc and Bcc name nobody" : "name them, or use -t";
    return std::unexpected(Failure{ExitStatus::usage, fmt::format("the message has no recipients: {}", hint)});
  }
  const auto needs_smtputf8 = [](const mail::Recipient& recipient) { return recipient.address.needs_smtputf8(); };
  envelope_.smtputf8 = (envelope_.sender && envelope_.sender->needs_smtputf8()) ||
                       std::ranges::any_of(envelope_.recipients, needs_smtputf8);
  envelope_.return_content = options_.return_content;
  envelope_.envelope_id = options_.envelope_id;
  return {};
}

/// Who is named twice gets one mail.
SendmailMessage::Done SendmailMessage::add_recipient(const mail::ListedMailbox& mailbox) {
  auto address = address_of(mailbox);
  if (!address) {
    return std::unexpected(
        Failure{ExitStatus::bad_data, fmt::format("the recipient \"{}\" is no address: {}",
                                                  LogText(mailbox.text, 120).text(), address.error().text)});
  }
  if (!seen_.insert(address->to_string()).second) return {};
  if (envelope_.recipients.size() >= most_recipients) return too_many_recipients();
  envelope_.recipients.push_back({.address = std::move(*address), .notify = options_.notify});
  return {};
}

SendmailMessage::Done SendmailMessage::too_many_recipients() {
  return std::unexpected(Failure{ExitStatus::bad_data, fmt::format("more than {} recipients", most_recipients)});
}

/// RFC 5322 §3.6: From must be there.
std::string SendmailMessage::header_to_send() const {
  auto header = header_.kept;
  if (header_.from_fields == 0) {
    auto own = qualified(system::own_user_name(), place_.domain);
    auto address = envelope_.sender ? envelope_.sender : own ? std::optional{std::move(*own)} : std::nullopt;
    const auto name = options_.full_name.empty() ? as_utf8(system::own_full_name()) : as_utf8(options_.full_name);
    if (address) {
      const mail::NamedAddress from{name, std::move(*address)};
      header += mail::mailbox_list_field("From", {&from, 1});
    }
  }
  return header += "\r\n";
}

SendmailMessage::Done SendmailMessage::write() {
  const auto failed = [](const Error& error) {
    return std::unexpected(Failure{status_of_drop(error), "the message could not be kept: " + error.text});
  };
  auto box = open_drop_box(place_);
  if (!box) return failed(box.error());
  const system::SystemClock clock;
  system::KernelRandom random;
  auto writer = box->begin(envelope_, clock.wall(), random);
  if (!writer) return failed(writer.error());
  if (auto written = write_piece(*writer, header_to_send()); !written) return written;
  for (auto piece = std::move(body_start_); !piece.empty() || !at_end_;) {
    if (auto written = write_piece(*writer, piece); !written) return written;
    auto more = read_more();
    if (!more) return std::unexpected(std::move(more.error()));
    piece = std::move(*more);
  }
  scanner_.finish();
  if (const auto& fault = scanner_.facts().fault) {
    return std::unexpected(
        Failure{ExitStatus::bad_data, fmt::format("the message is not taken: {}", words_of(*fault))});
  }
  if (const auto finished = writer->finish(); !finished) return failed(finished.error());
  if (options_.is_verbose) {
    console_.print("handed in as {} for {} recipients\n", writer->name(), envelope_.recipients.size());
  }
  return {};
}

SendmailMessage::Done SendmailMessage::write_piece(store::DropWriter& writer, std::string_view octets) {
  scanner_.feed(octets);
  // The rest of what is too large is not kept.
  if (scanner_.facts().fault == mail::MessageFault::too_large) {
    return std::unexpected(
        Failure{ExitStatus::bad_data, fmt::format("the message is not taken: {}", words_of(*scanner_.facts().fault))});
  }
  auto written = writer.append(octets);
  if (written) return {};
  return std::unexpected(
      Failure{status_of_drop(written.error()), "the message could not be kept: " + written.error().text});
}

}  // namespace posthorn::cli
