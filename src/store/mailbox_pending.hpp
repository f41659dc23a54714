// PendingMail: a message on its way into a mailbox; PendingFile: in a file that no reader looks at. What the sender's side
// gave is changed in two ways only: Return-Path fields of the header are removed (RFC 5321 §4.4: final delivery sets its own)
// and line ends become LF (docs/decisions/0020-line-ends-in-mail-files.md). Dropped before it was published, it takes its file away.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "mail/address.hpp"
#include "store/mailbox_text.hpp"
#include "store/mbox_text.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

struct MailboxOwner {
  unsigned user = 0;
  unsigned group = 0;

  bool operator==(const MailboxOwner&) const = default;
};

/// What a mailbox must know of a message besides its text.
struct IncomingMail {
  std::string name;  ///< delivery_file_name(): the same each time this message is delivered to this recipient
  MessageId id;
  std::optional<mail::Address> sender;  ///< none: the null reverse-path
  WallTime arrival{};
  std::string head;            ///< Return-Path and Delivered-To, with CRLF
  bool may_be_repeat = false;  ///< it may be there already: tried before, or accepted before the last start
  std::string folder{};  ///< the folder in the mailbox it is for, where the format has such and the user has made it
};

struct PendingRights {
  unsigned mode = 0600;
  std::optional<MailboxOwner> owner{};  ///< none: as the file system gives it
};

enum class MailForm : std::uint8_t {
  plain,
  mbox,  ///< as it stands in an mbox
};

/// Where a PendingFile keeps its octets.
struct PendingPlace {
  world::Folder& folder;  ///< outlives it
  std::string name;
  PendingRights rights{};
  MailForm form = MailForm::plain;
};

class PendingMail {
 public:
  PendingMail() = default;
  PendingMail(const PendingMail&) = delete;
  PendingMail& operator=(const PendingMail&) = delete;
  virtual ~PendingMail() = default;

  /// The next octets of the message in wire form (CRLF).
  [[nodiscard]] virtual Result<> append(std::string_view bytes) = 0;
  /// Makes its octets durable, or has publish() do it. Nothing is appended afterwards.
  [[nodiscard]] virtual Result<> finish() = 0;
};

class PendingFile final : public PendingMail {
  struct Created {};

 public:
  /// Makes the file; one of that name, left over from a crash, is removed first (never written over: it may have a second
  /// name).
  [[nodiscard]] static Result<std::unique_ptr<PendingFile>> create(PendingPlace place, IncomingMail mail);
  PendingFile(Created, PendingPlace place, IncomingMail mail, std::unique_ptr<world::File> file);
  ~PendingFile() override;

  [[nodiscard]] Result<> append(std::string_view bytes) override;
  /// Writes what is left, syncs and closes.
  [[nodiscard]] Result<> finish() override;

  [[nodiscard]] const IncomingMail& mail() const { return mail_; }
  [[nodiscard]] const std::string& file_name() const { return place_.name; }
  [[nodiscard]] std::uint64_t octets() const { return written_ + buffer_.size(); }
  /// The file has another name now, or belongs to the mailbox: it is not removed any more.
  void release() { released_ = true; }

 private:
  [[nodiscard]] Result<> flush();
  void quote_plain();

  PendingPlace place_;
  IncomingMail mail_;
  std::unique_ptr<world::File> file_;
  MailboxText text_;
  std::string plain_;  // mbox: not quoted yet
  FromQuoter quoter_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  bool released_ = false;
};

/// Mails of a mailbox that keeps files, as it staged them.
[[nodiscard]] std::vector<PendingFile*> as_files(std::span<PendingMail* const> mails);

}  // namespace posthorn::store
