// MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3) with their parameters (§4.1.2: Mail-parameters). Part of command.hpp.
#pragma once

#include "smtp/command.hpp"

#include <expected>
#include <string_view>

namespace posthorn::smtp {

/// What follows "MAIL", trimmed.
[[nodiscard]] std::expected<Command, CommandFault> parse_mail(std::string_view arguments, const CommandLimits& limits);
/// What follows "RCPT", trimmed.
[[nodiscard]] std::expected<Command, CommandFault> parse_rcpt(std::string_view arguments, const CommandLimits& limits);

}  // namespace posthorn::smtp
