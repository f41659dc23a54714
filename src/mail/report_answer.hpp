// What the other side said about a recipient, as a report may tell it: an SMTP reply is told apart from our own words about the
// connection, and a socket of this machine is no host that anybody outside could know. Used by delivery_report and report_text.
#pragma once

#include "mail/delivery_report.hpp"

#include <string>

namespace posthorn::mail {

struct ReportAnswer {
  std::string host;       ///< a name or an address literal; empty: none
  bool is_local = false;  ///< it was a program on this machine, behind a socket
  bool is_reply = false;  ///< `words` begin with a code: an SMTP reply, and no words of ours
  std::string words;      ///< in one line, without the path of a socket; empty: none
};

[[nodiscard]] ReportAnswer answer_of(const ReportedRecipient& recipient);

}  // namespace posthorn::mail
