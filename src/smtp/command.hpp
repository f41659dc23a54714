// The commands of SMTP as a client sends them (RFC 5321 §4.1.1 and the extensions): one line in, a typed command or a typed
// fault out. It knows the grammar, not the state of a session.
// Tolerated, as the field does: any case, blanks at the end of a line, and blanks after the colon of `MAIL FROM:` and
// `RCPT TO:`. Not tolerated: an address without angle brackets.
#pragma once

#include "mail/envelope.hpp"
#include "mail/path.hpp"
#include "smtp/reply.hpp"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace posthorn::smtp {

// Views are into the line.
struct HelloCommand {
  bool extended = false;  ///< EHLO
  std::string_view name;  ///< visible ASCII, 1 to 255 octets
};
struct MailCommand {
  mail::Envelope envelope;  ///< no recipients
};
struct RcptCommand {
  std::variant<mail::PostmasterPath, mail::Address> path;
  bool has_8bit = false;  ///< the path was not ASCII: it needs SMTPUTF8
  mail::Notify notify;
  std::optional<mail::OriginalRecipient> original;
};
struct DataCommand {};
struct BdatCommand {
  std::uint64_t octets = 0;
  bool last = false;
};
struct ResetCommand {};
struct NoopCommand {};
struct VerifyCommand {
  std::string_view text;  ///< not empty; ASCII unless SMTPUTF8 was said
};
struct HelpCommand {
  std::string_view topic;  ///< may be empty
};
struct QuitCommand {};
struct StartTlsCommand {};
struct AuthCommand {
  std::string_view mechanism;
  std::optional<std::string_view> initial_response;  ///< as sent; "=" stands for an empty one (RFC 4954 §4)
};

using Command = std::variant<HelloCommand, MailCommand, RcptCommand, DataCommand, BdatCommand, ResetCommand,
                             NoopCommand, VerifyCommand, HelpCommand, QuitCommand, StartTlsCommand, AuthCommand>;

/// Why a line is no command.
enum class CommandFault : std::uint8_t {
  unknown,          ///< no command that anybody knows
  not_implemented,  ///< EXPN, TURN, SEND, SOML, SAML, ETRN
  not_smtp,         ///< a command of another protocol: GET, POST, …
  missing_argument,
  unexpected_argument,
  bad_argument,
  bad_character,  ///< a control character, or 8-bit where there may be none
  bad_sender,
  bad_recipient,
  needs_smtputf8,  ///< MAIL with a non-ASCII address and without SMTPUTF8
  unknown_parameter,
  bad_parameter,
  message_too_large,  ///< a SIZE with more digits than any number we count with
  bad_chunk_size,     ///< BDAT: what follows cannot be told from commands
  too_long,           ///< past the command's own limit
};

/// Which parameters of MAIL and RCPT are known; the others are unknown_parameter.
struct CommandLimits {
  bool body = true;    ///< BODY=7BIT, BODY=8BITMIME
  bool binary = true;  ///< BODY=BINARYMIME
  bool smtputf8 = true;
  bool dsn = true;                      ///< RET, ENVID, NOTIFY, ORCPT
  std::size_t octets = 512;             ///< of a line with CRLF
  std::size_t parameter_octets = 2048;  ///< of MAIL and RCPT
  std::size_t auth_octets = 12'288;     ///< of AUTH
};

/// Reads a line without its CRLF. It holds no CR, LF or NUL.
[[nodiscard]] std::expected<Command, CommandFault> parse_command(std::string_view line, const CommandLimits& limits);

/// What a fault is answered with.
[[nodiscard]] Reply reply_to(CommandFault fault);

/// Whether these bytes, the first of a connection, are no SMTP: a TLS handshake, a binary protocol, another text protocol
/// (SECURITY: cross-protocol).
[[nodiscard]] bool is_foreign_start(std::string_view line);

}  // namespace posthorn::smtp
