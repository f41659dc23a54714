#include "cli/send_options.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "base/utf8.hpp"
#include "cli/client_world.hpp"
#include "cli/error_status.hpp"
#include "config/kinds.hpp"
#include "mail/address_list.hpp"
#include "system/input_file.hpp"
#include "system/machine.hpp"
#include "system/own_user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::size_t largest_password_file = 4'096;
constexpr std::size_t most_recipients = 10'000;
constexpr std::uint16_t smtp_port = 25;
constexpr std::uint16_t implicit_tls_port = 465;

std::unexpected<Refusal> refuse(ExitStatus status, std::string text) {
  return std::unexpected(Refusal{status, std::move(text)});
}

bool has_control_character(std::string_view text) { return std::ranges::any_of(text, ascii::is_control); }

/// A bare address, or one with a name before it: `Alice Example <alice@example.org>`.
Judged<mail::NamedAddress> parse_named(std::string_view what, const std::string& text) {
  // A line break in an address could become a command or a header field of its own.
  if (has_control_character(text)) {
    return refuse(ExitStatus::bad_data, fmt::format("{}: an address has no line breaks or control characters", what));
  }
  auto bare = mail::Address::parse(text);
  if (bare) return mail::NamedAddress{.display_name = {}, .address = std::move(*bare)};
  if (text.contains('<')) {
    auto list = mail::parse_address_list(text, 2);
    if (list.well_formed && list.mailboxes.size() == 1 && list.groups == 0) {
      return mail::NamedAddress{list.mailboxes.front().display_name, std::move(*list.mailboxes.front().address)};
    }
  }
  return refuse(ExitStatus::bad_data,
                fmt::format("{} \"{}\" is no address: {}", what, LogText(text, 120).text(), bare.error().text));
}

/// `<>` is nobody: for messages that must not be answered.
Judged<std::optional<mail::NamedAddress>> parse_sender(const std::string& text) {
  if (text == "<>" || text.empty()) return std::nullopt;
  auto sender = parse_named("FROM", text);
  if (!sender) return std::unexpected(sender.error());
  return std::optional{std::move(*sender)};
}

/// TO and --to; who is named twice gets one mail.
Judged<std::vector<mail::NamedAddress>> parse_recipients(const SendOptions& options) {
  std::vector<std::string> texts{options.to};
  texts.insert(texts.end(), options.more_recipients.begin(), options.more_recipients.end());
  std::vector<mail::NamedAddress> recipients;
  for (const auto& text : texts) {
    auto recipient = parse_named("TO", text);
    if (!recipient) return std::unexpected(recipient.error());
    const auto same = std::ranges::find(recipients, recipient->address, &mail::NamedAddress::address);
    if (same == recipients.end()) recipients.push_back(std::move(*recipient));
  }
  if (recipients.size() > most_recipients) return refuse(ExitStatus::bad_data, "too many recipients");
  return recipients;
}

Judged<std::uint16_t> parse_port(const SendOptions& options) {
  if (options.port.empty()) return options.tls == "implicit" ? implicit_tls_port : smtp_port;
  const auto port = ascii::to_number(options.port);
  if (port && *port >= 1 && *port <= 65'535) return static_cast<std::uint16_t>(*port);
  return refuse(ExitStatus::usage,
                fmt::format("PORT is a number from 1 to 65535, not \"{}\"", LogText(options.port, 40).text()));
}

Judged<std::string> parse_hello_name(const std::string& given) {
  if (given.empty()) return own_hello_name();
  const auto name = mail::Domain::parse(given);
  if (name) return name->text();
  return refuse(ExitStatus::usage, "--ehlo: that is no host name: " + name.error().text);
}

Judged<> read_server(const SendOptions& options, service::SendEntry& entry) {
  const auto tls = service::parse_client_tls(options.tls);
  if (!tls) return refuse(ExitStatus::usage, "--tls is none, starttls, require or implicit");
  const auto port = parse_port(options);
  if (!port) return std::unexpected(port.error());
  auto hello = parse_hello_name(options.hello_name);
  if (!hello) return std::unexpected(hello.error());
  if (options.ipv4 && options.ipv6) return refuse(ExitStatus::usage, "-4 and -6 exclude each other");
  if (options.server.empty()) return refuse(ExitStatus::usage, "which server? SERVER is a name or an address");
  if (has_control_character(options.server)) {
    return refuse(ExitStatus::bad_data, "SERVER: a host's name has no line breaks or control characters");
  }
  entry.via_queue = options.via_queue;
  entry.host = options.via_queue ? "the server on this machine" : without_brackets(options.server);
  entry.tls = *tls;
  entry.verifies_certificate = options.verify;
  entry.port = *port;
  entry.hello_name = std::move(*hello);
  entry.family = options.ipv4 ? "4" : options.ipv6 ? "6" : "";
  return {};
}

Judged<> read_limits(const SendOptions& options, service::SendEntry& entry) {
  const auto expire = parse_wait("--expire", options.expire);
  if (!expire) return std::unexpected(expire.error());
  entry.expire = *expire;
  for (const auto& [option, text, into] : {std::tuple{"--retry-after", &options.retry_after, &entry.retry_after},
                                           std::tuple{"--timeout", &options.timeout, &entry.timeout}}) {
    if (text->empty()) continue;
    const auto wait = parse_wait(option, *text);
    if (!wait) return std::unexpected(wait.error());
    *into = *wait;
  }
  return {};
}

Judged<> read_user(const SendOptions& options, service::SendEntry& entry) {
  if (options.user.empty() != options.password_file.empty()) {
    return refuse(ExitStatus::usage, "--user and --password-file belong together");
  }
  entry.user = options.user;
  if (options.password_file.empty()) return {};
  auto path = system::absolute_path(options.password_file);
  if (!path) return refuse(status_of(path.error()), path.error().text);
  entry.password_file = std::move(*path);
  return {};
}

/// Arguments come in whatever the terminal uses; what is not UTF-8 is read as ISO-8859-1, so that no letter is lost.
std::string as_utf8(const std::string& text) {
  if (utf8::is_valid(text)) return text;
  std::string converted;
  for (const char c : text) utf8::append(converted, static_cast<unsigned char>(c));
  return converted;
}

/// 66 for what cannot be read, whatever the reason.
std::unexpected<Refusal> refuse_file(const Error& error) {
  const bool our_side = error.kind == Error::Kind::no_space || error.kind == Error::Kind::too_many_files;
  return refuse(our_side ? ExitStatus::temporary : ExitStatus::no_input, error.text);
}

Judged<std::vector<service::LetterInput>> open_inputs(const SendOptions& options) {
  std::vector<std::string> paths{options.file};
  paths.insert(paths.end(), options.attachments.begin(), options.attachments.end());
  if (std::ranges::count(paths, "-") > 1) return refuse(ExitStatus::usage, "standard input can be read once only");
  std::vector<service::LetterInput> inputs;
  for (const auto& path : paths) {
    auto input = system::open_input(path);
    if (!input) return refuse_file(input.error());
    inputs.push_back({.file = std::move(input->file), .name = as_utf8(input->name), .is_attachment = !inputs.empty()});
  }
  return inputs;
}

mail::NewMessage make_head(const SendOptions& options, const service::SendEntry& entry) {
  const system::SystemClock clock;
  system::KernelRandom random;
  const auto now = clock.wall();
  const auto nobody = mail::Address::parse("MAILER-DAEMON@" + entry.hello_name);
  auto sender = parse_sender(options.from);
  mail::NewMessage head{
      .from = *sender ? **sender : mail::NamedAddress{.display_name = {}, .address = nobody.value()},
      .to = parse_recipients(options).value(),
      .subject = as_utf8(options.subject),
      .message_id = fmt::format("{:x}.{:016x}@{}", now.time_since_epoch().count(), random.next(), entry.hello_name),
      .date = now,
      .zone = system::zone_at(now)};
  head.from.display_name = as_utf8(head.from.display_name);
  for (auto& named : head.to) named.display_name = as_utf8(named.display_name);
  return head;
}

}  // namespace

Judged<Duration> parse_wait(std::string_view option, const std::string& text) {
  const auto wait = config::parse_duration(text);
  if (wait && *wait > Duration{}) return *wait;
  return refuse(ExitStatus::usage, fmt::format("{} is a length of time such as 30s, 20m or 5d, not \"{}\"", option,
                                               LogText(text, 40).text()));
}

Judged<service::SendEntry> judge_order(const SendOptions& options) {
  service::SendEntry entry;
  const auto sender = parse_sender(options.from);
  if (!sender) return std::unexpected(sender.error());
  const auto recipients = parse_recipients(options);
  if (!recipients) return std::unexpected(recipients.error());
  if (*sender) entry.sender = (*sender)->address;
  for (const auto& recipient : *recipients) entry.recipients.push_back({.address = recipient.address});
  for (const auto read : {read_server, read_limits, read_user}) {
    if (const auto done = read(options, entry); !done) return std::unexpected(done.error());
  }
  entry.subject = LogText(as_utf8(options.subject), 200).text();
  return entry;
}

Judged<service::FileLetter> open_letter(const SendOptions& options, const service::SendEntry& entry) {
  auto inputs = open_inputs(options);
  if (!inputs) return std::unexpected(inputs.error());
  if (options.body_as_is && inputs->size() > 1) {
    return refuse(ExitStatus::usage, "--body-as-is sends a complete message: nothing can be attached to it");
  }
  system::KernelRandom random;
  auto letter = options.body_as_is
                    ? service::FileLetter::make_as_is(std::move(inputs->front()))
                    : service::FileLetter::make(make_head(options, entry),
                                                fmt::format("=_{:016x}{:016x}", random.next(), random.next()),
                                                std::move(*inputs));
  if (letter) return std::move(*letter);
  if (letter.error().kind != Error::Kind::invalid) return refuse_file(letter.error());
  return refuse(ExitStatus::bad_data, fmt::format("{}: {}", options.file, letter.error().text));
}

Judged<std::optional<service::Credentials>> read_login(const service::SendEntry& entry) {
  if (entry.user.empty()) return std::nullopt;
  auto text = system::read_file(entry.password_file, largest_password_file);
  if (!text) {
    const bool forbidden = text.error().kind == Error::Kind::not_permitted;
    return refuse(forbidden ? ExitStatus::no_permission : ExitStatus::no_input, text.error().text);
  }
  Secret password(text->substr(0, text->find_first_of("\r\n")));
  const Secret wiped(std::move(*text));
  if (password.is_empty())
    return refuse(ExitStatus::bad_data, entry.password_file + ": its first line is the password, and it is empty");
  return service::Credentials{entry.user, std::move(password)};
}

system::HostFamily family_of(const service::SendEntry& entry) {
  if (entry.family == "4") return system::HostFamily::v4;
  return entry.family == "6" ? system::HostFamily::v6 : system::HostFamily::any;
}

}  // namespace posthorn::cli
