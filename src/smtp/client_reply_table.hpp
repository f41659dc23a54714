// Which reply to which command means what: the command-reply sequences of RFC 821 §4.3 with the codes that RFC 5321 §4.3.2,
// RFC 7504, RFC 3207 and RFC 4954 added. The probe tells its user by it how a server answered. Deliveries do not depend on it:
// they go by the first digit, as RFC 5321 asks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace posthorn::smtp {

enum class ProbedCommand : std::uint8_t {
  connection,
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  end_of_data,
  rset,
  send,
  soml,
  saml,
  vrfy,
  expn,
  help,
  noop,
  quit,
  turn,
  starttls,
  auth,
};

enum class ReplyMeaning : std::uint8_t {
  success,
  intermediate,  ///< go on: 354, 334
  failure,       ///< understood, and not done
  error,         ///< not understood, not in this order, or against the protocol
};

struct ReplyVerdict {
  ReplyMeaning meaning = ReplyMeaning::error;
  bool is_listed = false;  ///< the table names the code; else the first digit was looked at

  bool operator==(const ReplyVerdict&) const = default;
};

/// One row, for those who print it.
struct ReplyRow {
  ProbedCommand command = ProbedCommand::connection;
  std::string_view name;  ///< "MAIL"; "connection"; "end of data"
  std::span<const std::uint16_t> success;
  std::span<const std::uint16_t> intermediate;
  std::span<const std::uint16_t> failure;
  std::span<const std::uint16_t> error;
};

[[nodiscard]] const ReplyRow& reply_row(ProbedCommand command);
[[nodiscard]] ReplyVerdict verdict_on(ProbedCommand command, unsigned code);

}  // namespace posthorn::smtp
