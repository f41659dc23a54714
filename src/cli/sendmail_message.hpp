// `sendmail` with a message on standard input: reads the header, finds the recipients, takes Bcc out, puts in a From that is
// missing, judges the text as the server would, and puts the whole into the drop folder. 0 only when it is durable.
#pragma once

#include "cli/console.hpp"
#include "cli/sendmail_options.hpp"
#include "cli/sendmail_place.hpp"
#include "mail/program_text.hpp"

#include <string>
#include <unordered_set>

namespace posthorn::cli {

class SendmailMessage {
 public:
  SendmailMessage(const SendmailOptions& options, const SendmailPlace& place, Console& console)
      : options_(options), place_(place), console_(console), text_(options.a_dot_ends) {}

  /// Reads standard input to its end.
  [[nodiscard]] ExitStatus run();

 private:
  struct Failure {
    ExitStatus status;
    std::string text;
  };
  using Done = std::expected<void, Failure>;

  [[nodiscard]] Done work();
  [[nodiscard]] Done read_header();
  [[nodiscard]] Done find_sender();
  [[nodiscard]] Done find_recipients();
  [[nodiscard]] std::expected<std::vector<mail::ListedMailbox>, Failure> named_recipients() const;
  [[nodiscard]] Result<mail::Address> address_of(const mail::ListedMailbox& mailbox) const;
  [[nodiscard]] Done add_recipient(const mail::ListedMailbox& mailbox);
  [[nodiscard]] static Done too_many_recipients();
  [[nodiscard]] Done write();
  [[nodiscard]] Done write_piece(store::DropWriter& writer, std::string_view octets);
  /// More of the text; empty at the end.
  [[nodiscard]] std::expected<std::string, Failure> read_more();
  [[nodiscard]] std::string header_to_send() const;

  const SendmailOptions& options_;
  const SendmailPlace& place_;
  Console& console_;
  mail::ProgramText text_;
  mail::MessageScanner scanner_{place_.message};
  mail::Envelope envelope_;
  std::unordered_set<std::string> seen_;  // recipients
  mail::ProgramHeader header_;
  std::string body_start_;  // what was read with the header
  bool at_end_ = false;
};

}  // namespace posthorn::cli
