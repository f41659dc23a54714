// `sendmail -bs`: the server's own session machine on standard input and output, for programs that want to hear of each
// recipient and of the end. What it takes goes into the drop folder; 250 after the text means that it is durable there.
#pragma once

#include "cli/exit_status.hpp"
#include "cli/sendmail_place.hpp"
#include "mail/program_text.hpp"
#include "smtp/server_session.hpp"
#include "store/drop_box.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::cli {

class SendmailSession {
 public:
  explicit SendmailSession(const SendmailPlace& place);

  /// Until QUIT or the end of input.
  [[nodiscard]] ExitStatus run();

 private:
  [[nodiscard]] bool perform(smtp::Effect& effect);
  [[nodiscard]] bool exchange();
  [[nodiscard]] std::string_view with_crlf(std::string_view octets);
  [[nodiscard]] Result<> flush();
  void begin(const mail::Envelope& envelope);
  void take(std::string_view octets);
  void end();

  const SendmailPlace& place_;
  smtp::ServerSession session_;
  std::optional<store::DropWriter> writer_;
  std::string replies_;
  bool knows_line_ends_ = false;                     // the first line has come
  bool ends_with_cr_ = false;                        // what has come of it
  std::optional<mail::ProgramText> bare_line_ends_;  // makes CRLF of them
  std::array<char, 64U << 10> input_{};
};

}  // namespace posthorn::cli
