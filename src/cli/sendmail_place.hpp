// Where `sendmail` puts mail, and by which rules it is judged before: what the server's configuration says, or, when this
// account may not read it, what an empty one would.
#pragma once

#include "cli/load_configuration.hpp"
#include "mail/address.hpp"
#include "mail/domain.hpp"
#include "mail/message_scanner.hpp"
#include "store/drop_box.hpp"

#include <cstdint>
#include <expected>
#include <string>

namespace posthorn::cli {

struct SendmailPlace {
  std::string folder;
  std::string hostname;
  mail::Domain domain;  ///< of names that come without one
  mail::MessageScanner::Settings message;
};

[[nodiscard]] std::expected<SendmailPlace, ConfigurationFaults> find_sendmail_place(const std::string& configuration);

/// Opens this account's box there. Blocks.
[[nodiscard]] Result<store::DropBox> open_drop_box(const SendmailPlace& place);

/// An address, or a name of our domain. Error: `invalid`, it says why.
[[nodiscard]] Result<mail::Address> qualified(std::string_view text, const mail::Domain& domain);

/// The status of a failure to keep a message: the caller may try again, unless it lacks rights.
[[nodiscard]] ExitStatus status_of_drop(const Error& error);

}  // namespace posthorn::cli
