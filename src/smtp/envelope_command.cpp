#include "smtp/envelope_command.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "mail/dsn_parameters.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace posthorn::smtp {
namespace {

using Parsed = std::expected<Command, CommandFault>;

std::unexpected<CommandFault> fault(CommandFault which) { return std::unexpected(which); }

bool is_blank(char c) { return ascii::is_blank(c); }

/// RFC 5321 §4.1.2: esmtp-param = esmtp-keyword [ "=" esmtp-value ].
struct Parameter {
  std::string_view keyword;
  std::optional<std::string_view> value;
};

bool is_keyword(std::string_view text) {
  return !text.empty() && ascii::is_letter_or_digit(text.front()) &&
         std::ranges::all_of(text, [](char c) { return ascii::is_letter_or_digit(c) || c == '-'; });
}

/// esmtp-value, with the UTF-8 of RFC 6531 §3.3: no control characters, no blank, no "=".
bool is_value(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return !ascii::is_control(c) && c != ' ' && c != '='; });
}

std::optional<Parameter> take_parameter(Scanner& scanner) {
  const auto text = scanner.take_while([](char c) { return !ascii::is_blank(c); });
  const auto equals = text.find('=');
  Parameter parameter{.keyword = text.substr(0, equals), .value = {}};
  if (equals != std::string_view::npos) parameter.value = text.substr(equals + 1);
  if (!is_keyword(parameter.keyword) || (parameter.value && !is_value(*parameter.value))) return std::nullopt;
  return parameter;
}

using MaybeFault = std::optional<CommandFault>;

/// A parameter that we know, and how it changes what its command fills.
template <class Target>
struct KnownParameter {
  std::string_view keyword;
  bool has_value;
  bool (*is_offered)(const CommandLimits& limits);
  MaybeFault (*read)(std::string_view value, Target& target, const CommandLimits& limits);
};

// ---- MAIL ----

/// RFC 1870 §5, §6: up to twenty digits, the largest of which are more than anybody counts.
MaybeFault read_size(std::string_view value, mail::Envelope& envelope, const CommandLimits&) {
  if (value.size() > 20 || !std::ranges::all_of(value, ascii::is_digit)) return CommandFault::bad_parameter;
  envelope.declared_size = ascii::to_number(value);
  return envelope.declared_size ? MaybeFault{} : CommandFault::message_too_large;
}

/// RFC 6152 §2, RFC 3030 §3
MaybeFault read_body(std::string_view value, mail::Envelope& envelope, const CommandLimits& limits) {
  if (ascii::same_word(value, "7BIT")) {
    envelope.body = mail::BodyType::seven_bit;
  } else if (ascii::same_word(value, "8BITMIME")) {
    envelope.body = mail::BodyType::eight_bit;
  } else if (limits.binary && ascii::same_word(value, "BINARYMIME")) {
    envelope.body = mail::BodyType::binary;
  } else {
    return CommandFault::bad_parameter;
  }
  return {};
}

/// RFC 6531 §3.4
MaybeFault read_smtputf8(std::string_view, mail::Envelope& envelope, const CommandLimits&) {
  envelope.smtputf8 = true;
  return {};
}

/// RFC 3461 §4.3
MaybeFault read_ret(std::string_view value, mail::Envelope& envelope, const CommandLimits&) {
  const auto content = mail::parse_return_content(value);
  if (!content) return CommandFault::bad_parameter;
  envelope.return_content = *content;
  return {};
}

/// RFC 3461 §4.4
MaybeFault read_envid(std::string_view value, mail::Envelope& envelope, const CommandLimits&) {
  auto id = mail::parse_envelope_id(value);
  if (!id) return CommandFault::bad_parameter;
  envelope.envelope_id = *std::move(id);
  return {};
}

/// RFC 4954 §5: read also where AUTH is not offered, and of no weight unless the rules trust the client.
MaybeFault read_auth(std::string_view value, mail::Envelope& envelope, const CommandLimits&) {
  if (ascii::same_word(value, "<>")) {
    envelope.submitter.emplace();
    return {};
  }
  auto mailbox = mail::decode_xtext(value);
  if (!mailbox || !mail::Address::parse(*mailbox)) return CommandFault::bad_parameter;
  envelope.submitter = *std::move(mailbox);
  return {};
}

bool always(const CommandLimits&) { return true; }
bool offers_body(const CommandLimits& limits) { return limits.body; }
bool offers_smtputf8(const CommandLimits& limits) { return limits.smtputf8; }
bool offers_dsn(const CommandLimits& limits) { return limits.dsn; }

constexpr std::array<KnownParameter<mail::Envelope>, 6> mail_parameters{{
    {"SIZE", true, always, read_size},
    {"BODY", true, offers_body, read_body},
    {"SMTPUTF8", false, offers_smtputf8, read_smtputf8},
    {"RET", true, offers_dsn, read_ret},
    {"ENVID", true, offers_dsn, read_envid},
    {"AUTH", true, always, read_auth},
}};

// ---- RCPT ----

/// RFC 3461 §4.1: NEVER alone, or a list of the others.
MaybeFault read_notify(std::string_view value, RcptCommand& command, const CommandLimits&) {
  const auto notify = mail::parse_notify(value);
  if (!notify) return CommandFault::bad_parameter;
  command.notify = *notify;
  return {};
}

/// RFC 3461 §4.2, RFC 6533 §3
MaybeFault read_orcpt(std::string_view value, RcptCommand& command, const CommandLimits&) {
  auto original = mail::parse_original_recipient(value);
  if (!original) return CommandFault::bad_parameter;
  command.original = *std::move(original);
  return {};
}

constexpr std::array<KnownParameter<RcptCommand>, 2> rcpt_parameters{{
    {"NOTIFY", true, offers_dsn, read_notify},
    {"ORCPT", true, offers_dsn, read_orcpt},
}};

// ---- Both ----

/// RFC 5321 §4.1.1.11: each parameter at most once; one that is not known or not offered is refused.
template <class Target>
MaybeFault read_parameters(Scanner& scanner, std::span<const KnownParameter<Target>> known, Target& target,
                           const CommandLimits& limits) {
  std::uint32_t seen = 0;
  for (;;) {
    const bool is_apart = !scanner.take_while(is_blank).empty();
    if (scanner.at_end()) return {};
    const auto parameter = take_parameter(scanner);
    if (!parameter || !is_apart) return CommandFault::bad_parameter;
    const auto found =
        std::ranges::find_if(known, [&](const auto& one) { return ascii::same_word(one.keyword, parameter->keyword); });
    if (found == known.end() || !found->is_offered(limits)) return CommandFault::unknown_parameter;
    const auto bit = std::uint32_t{1} << (found - known.begin());
    if ((seen & bit) != 0 || parameter->value.has_value() != found->has_value) return CommandFault::bad_parameter;
    seen |= bit;
    if (const auto fault_found = found->read(parameter->value.value_or(""), target, limits)) return fault_found;
  }
}

/// "FROM:" or "TO:", and blanks behind it: RFC 5321 §3.3 forbids them, but many clients send one.
MaybeFault take_prefix(Scanner& scanner, std::string_view word) {
  if (scanner.at_end()) return CommandFault::missing_argument;
  if (!scanner.take_word(word)) return CommandFault::bad_argument;
  scanner.take_while(is_blank);
  if (scanner.at_end()) return CommandFault::missing_argument;
  return scanner.peek() == '<' ? MaybeFault{} : CommandFault::bad_argument;
}

bool has_8bit(std::string_view text) { return !std::ranges::all_of(text, ascii::is_ascii); }

}  // namespace

Parsed parse_mail(std::string_view arguments, const CommandLimits& limits) {
  Scanner scanner(arguments);
  if (const auto found = take_prefix(scanner, "FROM:")) return fault(*found);
  auto path = mail::take_path(scanner);
  // RFC 5321 §4.1.2: a reverse-path has a domain, or is null.
  if (!path || std::holds_alternative<mail::PostmasterPath>(*path)) return fault(CommandFault::bad_sender);
  MailCommand command;
  if (auto* address = std::get_if<mail::Address>(&*path)) command.envelope.sender = std::move(*address);
  if (const auto found = read_parameters<mail::Envelope>(scanner, mail_parameters, command.envelope, limits))
    return fault(*found);
  // RFC 6531 §3.5
  if (has_8bit(arguments) && !command.envelope.smtputf8) return fault(CommandFault::needs_smtputf8);
  return command;
}

Parsed parse_rcpt(std::string_view arguments, const CommandLimits& limits) {
  Scanner scanner(arguments);
  if (const auto found = take_prefix(scanner, "TO:")) return fault(*found);
  auto path = mail::take_path(scanner);
  if (!path || std::holds_alternative<mail::NullPath>(*path)) return fault(CommandFault::bad_recipient);
  RcptCommand command{.path = mail::PostmasterPath{}, .has_8bit = has_8bit(arguments), .notify = {}, .original = {}};
  if (auto* address = std::get_if<mail::Address>(&*path)) command.path = std::move(*address);
  if (const auto found = read_parameters<RcptCommand>(scanner, rcpt_parameters, command, limits)) return fault(*found);
  return command;
}

}  // namespace posthorn::smtp
