// CommandTour: the commands of RFC 821 that no mail needs, in an order that leaves the session as it was: HELP, NOOP, VRFY, EXPN,
// then SEND, SOML and SAML, each with RSET where the server took it, and TURN as the last. A machine: commands come out, replies
// go in. Whoever tests a server by it says what the replies mean by the table (client_reply_table.hpp).
// A server may refuse all of them but NOOP and RSET (RFC 5321 §4.5.1); what ends the tour is in fault().
#pragma once

#include "smtp/client_effect.hpp"
#include "smtp/client_reply_table.hpp"
#include "smtp/reply_parser.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace posthorn::smtp {

class CommandTour {
 public:
  struct Settings {
    std::string sender;                ///< of SEND, SOML and SAML, without brackets; empty: the null path
    std::string user;                  ///< whom VRFY and EXPN ask about
    bool transaction_is_open = false;  ///< a mail was begun and not ended: RSET comes before SEND
  };

  /// Why the tour is over before its end.
  struct Fault {
    ProbedCommand command = ProbedCommand::help;
    SessionEnd::Reason reason = SessionEnd::Reason::protocol_error;
    unsigned code = 0;
    std::string text;
  };

  explicit CommandTour(Settings settings);

  /// What is sent next, without CRLF; none: the tour is over. After a command comes answered().
  [[nodiscard]] std::optional<std::string> next();
  void answered(const PeerReply& reply);

  /// The command that is under way, or was the last.
  [[nodiscard]] ProbedCommand command() const { return command_; }
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }
  /// RFC 821 §3.8: TURN was taken; the server waits for a greeting from us.
  [[nodiscard]] bool roles_are_turned() const { return turned_; }

 private:
  [[nodiscard]] std::string line() const;
  void stop(SessionEnd::Reason reason, const PeerReply& reply);

  Settings settings_;
  std::size_t place_ = 0;
  ProbedCommand command_ = ProbedCommand::help;
  bool resets_;
  bool turned_ = false;
  std::optional<Fault> fault_;
};

}  // namespace posthorn::smtp
