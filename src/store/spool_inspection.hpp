// SpoolInspection: reads the spool of a stopped server, for `posthorn spool verify|dump`. It opens every file for reading
// only and changes nothing, whatever it finds. The caller makes sure that no server runs (the lock on the state folder).
// Blocks.
#pragma once

#include "base/result.hpp"
#include "store/spool.hpp"
#include "store/spool_identity.hpp"
#include "world/disk.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

class SpoolInspection {
 public:
  /// Every octet, also of texts and of messages that are gone; or only what it takes to list what is live.
  enum class Depth : std::uint8_t { whole, live };

  /// Errors: `not_found` (no spool there), `unsupported` (another version), `corrupt` (neither identity can be read), io.
  [[nodiscard]] static Result<std::unique_ptr<SpoolInspection>> open(world::Disk& disk,
                                                                     const std::string& state_folder);
  ~SpoolInspection();
  SpoolInspection(const SpoolInspection&) = delete;
  SpoolInspection& operator=(const SpoolInspection&) = delete;

  [[nodiscard]] const SpoolIdentity& identity() const;
  /// Reads the log; once, before what follows. Damage is in the report.
  [[nodiscard]] RecoveryReport read(Depth depth);

  /// The next up to `limit` live messages after `after`, in order of arrival. Those whose envelope cannot be read are
  /// left out and added to `unreadable`.
  [[nodiscard]] std::vector<StoredMessage> next(MessageId after, std::size_t limit, std::vector<MessageId>& unreadable);
  /// Errors: `not_found`, `corrupt`, io.
  [[nodiscard]] Result<StoredMessage> find(MessageId id);
  /// Hands the text over piece by piece. Errors: `not_found`, `corrupt` (what came before the bad piece was right), io.
  [[nodiscard]] Result<> read_text(MessageId id, const std::function<void(std::string_view)>& take);

  struct Parts;
  explicit SpoolInspection(std::unique_ptr<Parts> parts);

 private:
  void check_identities(RecoveryReport& report) const;
  void check_headers(RecoveryReport& report);
  void name_missing_bodies(RecoveryReport& report) const;
  void check_bodies(RecoveryReport& report);
  void check_body(MessageId id, RecoveryReport& report);

  std::unique_ptr<Parts> parts_;
};

}  // namespace posthorn::store
