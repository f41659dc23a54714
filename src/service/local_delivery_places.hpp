// LocalPlaces: what LocalDelivery must know of the places it delivers to: users' mailboxes, or the hand-over folders that
// stand for other servers. Thin: the formats in store/ do the work.
#pragma once

#include "mail/user_name.hpp"
#include "service/delivery.hpp"
#include "store/handover.hpp"
#include "store/mailbox.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

/// One file to be made: some recipients of one attempt.
struct LocalCopy {
  std::vector<std::uint32_t> recipients;  ///< places in the envelope
  store::IncomingMail mail;
};

class LocalPlaces {
 public:
  LocalPlaces() = default;
  LocalPlaces(const LocalPlaces&) = delete;
  LocalPlaces& operator=(const LocalPlaces&) = delete;
  virtual ~LocalPlaces() = default;

  /// Whether mail can ever go there; false fails with 5.1.1. On the home loop.
  [[nodiscard]] virtual bool knows(const std::string& destination) const = 0;
  /// Opens the place for a batch. On a worker; for several destinations at once.
  [[nodiscard]] virtual Result<std::unique_ptr<store::Mailbox>> open(const std::string& destination) = 0;
  /// The files that carry out the attempt; each of its recipients is in one of them. On a worker.
  [[nodiscard]] virtual std::vector<LocalCopy> copies_of(const Attempt& attempt) const = 0;
  /// What a recipient's success is called.
  [[nodiscard]] virtual std::string_view success() const = 0;
};

/// The destination is a user's name; each recipient gets a file.
class UserMailboxes final : public LocalPlaces {
 public:
  /// Whose account a mailbox belongs to, where users are system users; an error defers. Any thread.
  using OwnerOf = std::function<Result<std::optional<store::MailboxOwner>>(const mail::UserName&)>;

  /// `format` outlives it. Without `owner_of`, all mailboxes belong to one account. With a `separator`, what stands behind it
  /// in a recipient's name is the folder that the mail is for.
  explicit UserMailboxes(store::MailboxFormat& format, OwnerOf owner_of = {}, std::string separator = {})
      : format_(format), owner_of_(std::move(owner_of)), separator_(std::move(separator)) {}

  [[nodiscard]] bool knows(const std::string& destination) const override;
  [[nodiscard]] Result<std::unique_ptr<store::Mailbox>> open(const std::string& destination) override;
  [[nodiscard]] std::vector<LocalCopy> copies_of(const Attempt& attempt) const override;
  [[nodiscard]] std::string_view success() const override { return "delivered to the mailbox"; }

 private:
  [[nodiscard]] std::string folder_of(const mail::Address& recipient, const std::string& destination) const;

  store::MailboxFormat& format_;
  OwnerOf owner_of_;
  std::string separator_;
};

/// The destination is a domain; one letter for all recipients.
class HandOverPlaces final : public LocalPlaces {
 public:
  /// `format` outlives it.
  explicit HandOverPlaces(store::HandOverFormat& format) : format_(format) {}

  [[nodiscard]] bool knows(const std::string& destination) const override;
  [[nodiscard]] Result<std::unique_ptr<store::Mailbox>> open(const std::string& destination) override;
  [[nodiscard]] std::vector<LocalCopy> copies_of(const Attempt& attempt) const override;
  [[nodiscard]] std::string_view success() const override { return "handed over as a file"; }

 private:
  store::HandOverFormat& format_;
};

}  // namespace posthorn::service
