#include "smtp/client_reply_table.hpp"

#include <algorithm>
#include <array>

namespace posthorn::smtp {
namespace {

using enum ProbedCommand;
using Codes = std::span<const std::uint16_t>;

template <std::uint16_t... code>
constexpr std::array<std::uint16_t, sizeof...(code)> list{code...};

constexpr Codes none;

// RFC 821 §4.3: S, I, F, E. RFC 5321 §4.3.2 lists F and E together; what refuses the mail is a failure here, what refuses the
// command an error.
constexpr std::array<ReplyRow, 19> table{{
    {connection, "connection", list<220>, none, list<421, 521, 554>, none},
    {helo, "HELO", list<250>, none, list<550>, list<500, 501, 504, 421>},
    {ehlo, "EHLO", list<250>, none, list<550>, list<500, 501, 502, 504, 421>},
    {mail, "MAIL", list<250>, none, list<552, 451, 452, 550, 553, 455, 530>, list<500, 501, 503, 555, 421>},
    {rcpt, "RCPT", list<250, 251>, none, list<550, 551, 552, 553, 450, 451, 452, 455, 530, 556>,
     list<500, 501, 503, 555, 421>},
    {data, "DATA", none, list<354>, list<451, 554>, list<500, 501, 503, 421>},
    {end_of_data, "end of data", list<250>, none, list<552, 554, 450, 451, 452, 550>, list<500, 501, 503, 421>},
    {rset, "RSET", list<250>, none, none, list<500, 501, 504, 421>},
    {send, "SEND", list<250>, none, list<552, 451, 452>, list<500, 501, 502, 421>},
    {soml, "SOML", list<250>, none, list<552, 451, 452>, list<500, 501, 502, 421>},
    {saml, "SAML", list<250>, none, list<552, 451, 452>, list<500, 501, 502, 421>},
    {vrfy, "VRFY", list<250, 251, 252>, none, list<550, 551, 553>, list<500, 501, 502, 504, 421>},
    {expn, "EXPN", list<250, 252>, none, list<550>, list<500, 501, 502, 504, 421>},
    {help, "HELP", list<211, 214>, none, none, list<500, 501, 502, 504, 421>},
    {noop, "NOOP", list<250>, none, none, list<500, 421>},
    {quit, "QUIT", list<221>, none, none, list<500>},
    {turn, "TURN", list<250>, none, list<502>, list<500, 503>},
    {starttls, "STARTTLS", list<220>, none, list<454>, list<500, 501, 502, 503, 421>},
    {auth, "AUTH", list<235>, list<334>, list<432, 454, 534, 535, 538>, list<500, 501, 503, 504, 530, 421>},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table.at(i).command) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "a row stands where its command says");

bool holds(Codes codes, unsigned code) { return std::ranges::find(codes, code) != codes.end(); }

/// RFC 5321 §4.3.2: a code that is not known means what its first digit says.
ReplyMeaning by_first_digit(unsigned code, bool wants_intermediate) {
  switch (code / 100) {
    case 2:
      return wants_intermediate ? ReplyMeaning::error : ReplyMeaning::success;
    case 3:
      return wants_intermediate ? ReplyMeaning::intermediate : ReplyMeaning::error;
    case 4:
    case 5:
      return ReplyMeaning::failure;
    default:
      return ReplyMeaning::error;
  }
}

}  // namespace

const ReplyRow& reply_row(ProbedCommand command) { return table.at(static_cast<std::size_t>(command)); }

ReplyVerdict verdict_on(ProbedCommand command, unsigned code) {
  const auto& row = reply_row(command);
  if (holds(row.success, code)) return {ReplyMeaning::success, true};
  if (holds(row.intermediate, code)) return {ReplyMeaning::intermediate, true};
  if (holds(row.failure, code)) return {ReplyMeaning::failure, true};
  if (holds(row.error, code)) return {ReplyMeaning::error, true};
  return {by_first_digit(code, row.success.empty()), false};
}

}  // namespace posthorn::smtp
