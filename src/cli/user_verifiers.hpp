// The users file as the book of verifiers: names with what is kept of their passwords. Whoever has the file gives its text anew
// when it has changed, and is asked to look before each use.
// For names that nobody has it gives another user's entry, always the same one, marked as a stand-in: the same work is done
// for it, and for SCRAM the client is shown a salt that stays the same (RFC 5802 §9).
#pragma once

#include "base/keyed_hash.hpp"
#include "system/auth_source.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

class UserVerifiers final : public system::VerifierBook {
 public:
  struct Settings {
    std::string users_file;            ///< for messages
    std::vector<std::string> domains;  ///< ours: "alice@" one of them means alice
  };

  /// `look` is called before each use; it may call replace(). Any thread.
  UserVerifiers(Settings settings, KeyedHash::Key key, std::function<void()> look);
  ~UserVerifiers() override;

  [[nodiscard]] Entry find(std::string_view name, bool for_scram) override;
  [[nodiscard]] bool has_scram() override;
  /// The users file's text from now on. What is no line of a user is left out.
  void replace(std::string_view text, const Settings& settings);

 private:
  struct Book;

  [[nodiscard]] std::shared_ptr<const Book> current();
  [[nodiscard]] Entry stand_in(const Book& book, std::string_view name, bool for_scram) const;

  KeyedHash hash_;
  KeyedHash salt_hash_;
  std::function<void()> look_;
  std::mutex mutex_;
  std::shared_ptr<const Book> book_;  // guarded by the mutex
};

}  // namespace posthorn::cli
