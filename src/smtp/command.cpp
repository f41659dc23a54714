#include "smtp/command.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "smtp/envelope_command.hpp"

#include <algorithm>
#include <array>

namespace posthorn::smtp {
namespace {

using Parsed = std::expected<Command, CommandFault>;

constexpr std::size_t crlf_octets = 2;
constexpr std::size_t max_hello_octets = 255;  // RFC 5321 §4.5.3.1.2

std::unexpected<CommandFault> fault(CommandFault which) { return std::unexpected(which); }

bool is_blank(char c) { return ascii::is_blank(c); }
bool is_no_blank(char c) { return !ascii::is_blank(c); }

/// RFC 5321 §4.1.1.1: a domain or an address literal. Deviation: RFC 5321 §4.1.2: any visible character but those that
/// end comments and addresses is taken, since the names that clients give themselves follow no grammar (§4.1.4: a name
/// is no reason to refuse).
bool is_hello_name(std::string_view name) {
  static constexpr std::string_view forbidden = "()<>\"\\,;@";
  return name.size() <= max_hello_octets && std::ranges::all_of(name, [](char c) {
           return ascii::is_printable(c) && c != ' ' && forbidden.find(c) == std::string_view::npos;
         });
}

Parsed parse_hello(std::string_view arguments, bool extended) {
  if (arguments.empty()) return fault(CommandFault::missing_argument);
  if (!is_hello_name(arguments)) return fault(CommandFault::bad_argument);
  return HelloCommand{extended, arguments};
}

template <class Bare>
Parsed parse_bare(std::string_view arguments) {
  if (!arguments.empty()) return fault(CommandFault::unexpected_argument);
  return Bare{};
}

/// RFC 3030 §2: chunk-size [ SP "LAST" ].
Parsed parse_bdat(std::string_view arguments) {
  if (arguments.empty()) return fault(CommandFault::bad_chunk_size);
  Scanner scanner(arguments);
  const auto octets = ascii::to_number(scanner.take_while(ascii::is_digit));
  const bool is_apart = !scanner.take_while(is_blank).empty();
  const bool last = is_apart && ascii::same_word(scanner.rest(), "LAST");
  if (!octets || (!last && !scanner.at_end())) return fault(CommandFault::bad_chunk_size);
  return BdatCommand{*octets, last};
}

/// RFC 6531 §3.7.4.2: VRFY takes SMTPUTF8 as a parameter, and non-ASCII only with it.
Parsed parse_verify(std::string_view arguments, bool offers_smtputf8) {
  static constexpr std::string_view parameter = " SMTPUTF8";
  const auto before = arguments.substr(0, arguments.size() - std::min(arguments.size(), parameter.size()));
  const bool smtputf8 = offers_smtputf8 && ascii::same_word(arguments.substr(before.size()), parameter);
  const auto text = smtputf8 ? ascii::trim(before) : arguments;
  if (text.empty()) return fault(CommandFault::missing_argument);
  if (!smtputf8 && !std::ranges::all_of(text, ascii::is_ascii)) return fault(CommandFault::needs_smtputf8);
  return VerifyCommand{text};
}

/// RFC 4954 §4: mechanism [ SP initial-response ].
Parsed parse_auth(std::string_view arguments) {
  Scanner scanner(arguments);
  AuthCommand command{.mechanism = scanner.take_while(is_no_blank), .initial_response = {}};
  if (command.mechanism.empty()) return fault(CommandFault::missing_argument);
  scanner.take_while(is_blank);
  if (!scanner.at_end()) command.initial_response = scanner.take_while(is_no_blank);
  if (!scanner.at_end()) return fault(CommandFault::bad_argument);
  return command;
}

using Parser = Parsed (*)(std::string_view arguments, const CommandLimits& limits);

struct Verb {
  std::string_view name;
  Parser parse;
};

template <CommandFault which>
Parsed refuse(std::string_view, const CommandLimits&) {
  return fault(which);
}

constexpr Parser not_implemented = refuse<CommandFault::not_implemented>;
constexpr Parser not_smtp = refuse<CommandFault::not_smtp>;

// The ones that carry mail first.
constexpr std::array<Verb, 31> verbs{{
    {"RCPT", [](std::string_view text, const CommandLimits& limits) { return parse_rcpt(text, limits); }},
    {"MAIL", [](std::string_view text, const CommandLimits& limits) { return parse_mail(text, limits); }},
    {"DATA", [](std::string_view text, const CommandLimits&) { return parse_bare<DataCommand>(text); }},
    {"BDAT", [](std::string_view text, const CommandLimits&) { return parse_bdat(text); }},
    {"EHLO", [](std::string_view text, const CommandLimits&) { return parse_hello(text, true); }},
    {"HELO", [](std::string_view text, const CommandLimits&) { return parse_hello(text, false); }},
    {"QUIT", [](std::string_view text, const CommandLimits&) { return parse_bare<QuitCommand>(text); }},
    {"RSET", [](std::string_view text, const CommandLimits&) { return parse_bare<ResetCommand>(text); }},
    {"STARTTLS", [](std::string_view text, const CommandLimits&) { return parse_bare<StartTlsCommand>(text); }},
    {"AUTH", [](std::string_view text, const CommandLimits&) { return parse_auth(text); }},
    {"NOOP", [](std::string_view, const CommandLimits&) { return Parsed{NoopCommand{}}; }},
    {"VRFY", [](std::string_view text, const CommandLimits& limits) { return parse_verify(text, limits.smtputf8); }},
    {"HELP", [](std::string_view text, const CommandLimits&) { return Parsed{HelpCommand{text}}; }},
    {"EXIT", [](std::string_view text, const CommandLimits&) { return parse_bare<QuitCommand>(text); }},
    // RFC 5321 §4.2.4: known, not implemented. SEND, SOML, SAML, TURN: appendix F; ETRN: RFC 1985.
    {"EXPN", not_implemented},
    {"SEND", not_implemented},
    {"SOML", not_implemented},
    {"SAML", not_implemented},
    {"TURN", not_implemented},
    {"ETRN", not_implemented},
    // What HTTP clients say, whom a page in a browser may have sent here.
    {"GET", not_smtp},
    {"POST", not_smtp},
    {"PUT", not_smtp},
    {"HEAD", not_smtp},
    {"DELETE", not_smtp},
    {"OPTIONS", not_smtp},
    {"CONNECT", not_smtp},
    {"TRACE", not_smtp},
    {"PATCH", not_smtp},
    {"PRI", not_smtp},
    {"PROPFIND", not_smtp},
}};

const Verb* find_verb(std::string_view name) {
  const auto* const found =
      std::ranges::find_if(verbs, [name](const Verb& verb) { return ascii::same_word(verb.name, name); });
  return found == verbs.end() ? nullptr : found;
}

/// RFC 5321 §4.5.3.1.4, and what the extensions add to it.
std::size_t longest(std::string_view verb, const CommandLimits& limits) {
  if (verb == "MAIL" || verb == "RCPT") return limits.parameter_octets;
  return verb == "AUTH" ? limits.auth_octets : limits.octets;
}

bool may_hold_8bit(std::string_view verb) { return verb == "MAIL" || verb == "RCPT" || verb == "VRFY"; }

bool has_bad_character(std::string_view line, bool allow_8bit) {
  return !std::ranges::all_of(line, [allow_8bit](char c) {
    return ascii::is_printable(c) || ascii::is_blank(c) || (allow_8bit && !ascii::is_ascii(c));
  });
}

}  // namespace

Parsed parse_command(std::string_view line, const CommandLimits& limits) {
  Scanner scanner(line);
  const auto* const verb = find_verb(scanner.take_while(is_no_blank));
  if (verb == nullptr)
    return fault(line.size() + crlf_octets > limits.octets ? CommandFault::too_long : CommandFault::unknown);
  if (line.size() + crlf_octets > longest(verb->name, limits)) return fault(CommandFault::too_long);
  if (has_bad_character(line, may_hold_8bit(verb->name))) return fault(CommandFault::bad_character);
  return verb->parse(ascii::trim(scanner.rest()), limits);
}

bool is_foreign_start(std::string_view line) {
  Scanner scanner(line);
  scanner.take_while([](char c) { return ascii::is_letter_or_digit(c) || c == '-' || c == '_'; });
  return !scanner.at_end() && !ascii::is_blank(scanner.peek());
}

}  // namespace posthorn::smtp
