// The mailbox formats behind one interface: Maildir (maildir.hpp), numbered files, hand-over folders, mbox. A delivery is
// a transaction: stage() and append() write a message where no reader looks, finish() makes its octets durable, publish()
// makes a batch of them visible and their names durable with as few syncs as the format allows.
// Guarantees: a message is whole or not there at all; after publish() has answered with success it is durable; repeated
// after a crash or an error with the same name, it lands in the mailbox once.
// Every call blocks and is made on a worker. Error texts name the file or folder, for the log, never for the sender.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "mail/address.hpp"
#include "mail/user_name.hpp"
#include "store/mailbox_pending.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace posthorn::store {

/// Whose mailbox. Without an owner it belongs to the account that all mailboxes belong to (MailboxSettings::account).
struct MailboxTarget {
  mail::UserName user;
  std::optional<MailboxOwner> owner{};  ///< where users are system users; we must be root then
};

/// One mailbox, open for one batch.
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  virtual ~Mailbox() = default;

  /// Begins a message. Several threads may stage, append to and finish different messages at the same time.
  /// Errors: `over_quota`, `no_space`, `not_permitted`, ….
  [[nodiscard]] virtual Result<std::unique_ptr<PendingMail>> stage(IncomingMail mail) = 0;

  /// Publishes messages that were staged here and finished, in this order; one result each. Called alone. After an error
  /// that message may be visible nevertheless: publish it again later with may_be_repeat, and it is there once.
  [[nodiscard]] virtual std::vector<Result<>> publish(std::span<PendingMail* const> mails) = 0;
};

class MailboxFormat {
 public:
  MailboxFormat() = default;
  MailboxFormat(const MailboxFormat&) = delete;
  MailboxFormat& operator=(const MailboxFormat&) = delete;
  virtual ~MailboxFormat() = default;

  /// Opens the user's mailbox, made if need be (its folders are durable then). Any thread. Errors: `is_link` and
  /// `not_permitted` (a folder that is not what or whose it must be), `not_found` (the mail root), `no_space`, `io`, ….
  [[nodiscard]] virtual Result<std::unique_ptr<Mailbox>> open(const MailboxTarget& target) = 0;
};

}  // namespace posthorn::store
