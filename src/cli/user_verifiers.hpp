// The users file as the book of verifiers: names with what is kept of their passwords, read again when the file has changed,
// so that `posthorn user passwd` counts at once. A file that cannot be read keeps what was known.
// For names that nobody has it gives another user's entry, always the same one, marked as a stand-in: the same work is done
// for it, and for SCRAM the client is shown a salt that stays the same (RFC 5802 §9).
#pragma once

#include "base/keyed_hash.hpp"
#include "store/text_file.hpp"
#include "system/auth_source.hpp"
#include "world/disk.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace posthorn::cli {

class UserVerifiers final : public system::VerifierBook {
 public:
  struct Settings {
    std::string users_file;
    std::vector<std::string> domains;  ///< ours: "alice@" one of them means alice
  };

  /// `disk` outlives it.
  UserVerifiers(Settings settings, world::Disk& disk, KeyedHash::Key key);
  ~UserVerifiers() override;

  [[nodiscard]] Entry find(std::string_view name, bool for_scram) override;
  [[nodiscard]] bool has_scram() override;
  /// Another file from now on (the configuration changed).
  void change(Settings settings);

 private:
  struct Book;

  [[nodiscard]] std::shared_ptr<const Book> current();
  [[nodiscard]] Entry stand_in(const Book& book, std::string_view name, bool for_scram) const;

  world::Disk& disk_;
  KeyedHash hash_;
  KeyedHash salt_hash_;
  std::mutex mutex_;
  Settings settings_;                 // guarded by the mutex
  std::shared_ptr<const Book> book_;  // the same
};

}  // namespace posthorn::cli
