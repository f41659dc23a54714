// MailboxQuota: what one mailbox may hold and what it holds, by its quota file (quota_file.hpp), so that a delivery does
// not read the mailbox. The mailbox is counted when there is no such file, it says another limit, it has grown long, or
// the mailbox seems full and something changed since; then the file is written anew. Others add lines at the same time.
// The file is a memory aid and never synced: what a crash may have left out of it is counted again (forget()).
#pragma once

#include "base/result.hpp"
#include "store/mailbox_pending.hpp"
#include "store/quota_file.hpp"
#include "world/shared_files.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace posthorn::store {

/// The mailbox as it is counted.
class MailboxCensus {
 public:
  MailboxCensus() = default;
  MailboxCensus(const MailboxCensus&) = delete;
  MailboxCensus& operator=(const MailboxCensus&) = delete;
  virtual ~MailboxCensus() = default;

  /// Reads all of it.
  [[nodiscard]] virtual Result<MailboxUse> count() = 0;
  /// When mail last came or went (EntryFacts::modified_ns); none: that cannot be told without counting.
  [[nodiscard]] virtual Result<std::optional<std::int64_t>> last_change() = 0;
};

struct QuotaSettings {
  std::uint64_t limit = 0;  ///< octets; 0: none, and nothing is counted
  std::string file;         ///< its name in the mailbox
  MailboxOwner owner;       ///< whose it must be
  PendingRights rights{};
};

class MailboxQuota {
 public:
  struct World {
    world::SharedFiles& files;
    world::Folder& folder;   ///< that holds the quota file
    world::Folder& staging;  ///< where a new one is written
    MailboxCensus& census;
  };

  /// All outlive it.
  MailboxQuota(World world, QuotaSettings settings) : world_(world), settings_(std::move(settings)) {}

  /// Learns what the mailbox holds now.
  [[nodiscard]] Result<> look();
  /// As far as known, not a single octet more fits.
  [[nodiscard]] bool is_full() const { return settings_.limit > 0 && use_.octets >= settings_.limit; }
  /// Counts a mail in, or says `over_quota`.
  [[nodiscard]] Result<> admit(std::uint64_t octets);
  /// Takes one back that was admitted and did not come.
  void dismiss(std::uint64_t octets);
  /// Notes what was admitted since look().
  void write_down();
  /// The file may lack mail that is there: the next delivery counts.
  void forget();

 private:
  [[nodiscard]] Result<bool> read_file();
  [[nodiscard]] bool is_ours(world::SharedFile& file) const;
  [[nodiscard]] Result<bool> may_have_changed();
  [[nodiscard]] Result<> count_anew();
  [[nodiscard]] Result<> write_file();
  [[nodiscard]] bool fits(std::uint64_t octets) const {
    return octets <= settings_.limit && use_.octets <= settings_.limit - octets;
  }
  [[nodiscard]] std::unexpected<Error> over_quota() const;

  World world_;
  QuotaSettings settings_;
  MailboxUse use_;
  MailboxUse added_;
  std::size_t entries_ = 0;
  bool counted_ = false;  // just now, so that counting again would tell nothing new
};

}  // namespace posthorn::store
