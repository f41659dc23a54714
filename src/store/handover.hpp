// Hand-over folders (mission E): mail for other servers as files, `<root>/.OTHER_SERVERS/<domain>/NAME`, with `error/`
// beside the letters for what the sender that picks them up could not deliver. A letter starts with `Return-Path:` and one
// `X-Envelope-To:` per recipient (docs/mailbox_formats.md); while it is written its name has a leading dot.
// A repeat finds its letter in the folder or in error/. A letter that was picked up between a crash and the repeat is handed
// over again: the other side may see it twice, as with any relay.
#pragma once

#include "mail/domain.hpp"
#include "store/mailbox.hpp"
#include "store/mailbox_folder.hpp"

#include <optional>
#include <span>
#include <string>

namespace posthorn::store {

inline constexpr std::string_view hand_over_folder = ".OTHER_SERVERS";
inline constexpr std::string_view hand_over_errors = "error";

class HandOverFormat {
 public:
  /// The disk outlives it.
  HandOverFormat(world::Disk& disk, MailboxSettings settings) : folders_(disk, std::move(settings)) {}

  /// Opens the domain's folder, made if need be. Any thread. Errors as MailboxFormat::open().
  [[nodiscard]] Result<std::unique_ptr<Mailbox>> open(const mail::Domain& domain);

 private:
  MailboxFolders folders_;
};

/// The lines that a letter starts with, in wire form. `recipients`: at least one.
[[nodiscard]] std::string letter_head(const std::optional<mail::Address>& sender,
                                      std::span<const mail::Address> recipients);

}  // namespace posthorn::store
