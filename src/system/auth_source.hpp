// Where passwords are checked: the users file, PAM, Dovecot. Each is asked in the order of the configuration.
#pragma once

#include "base/ip_address.hpp"
#include "base/secret.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::system {

struct PasswordQuestion {
  std::string_view name;  ///< as the client wrote it
  const Secret& password;
  IpAddress peer;
};

struct PasswordVerdict {
  enum class Kind : std::uint8_t { right, wrong, trouble };
  Kind kind = Kind::wrong;
  std::string text;  ///< right: the user's name. trouble: why, for the log
};

class PasswordSource {
 public:
  PasswordSource() = default;
  PasswordSource(const PasswordSource&) = delete;
  PasswordSource& operator=(const PasswordSource&) = delete;
  virtual ~PasswordSource() = default;

  /// Blocks, within a bound of its own. Any thread, several at once. A name that nobody has takes the same time as one
  /// that somebody has.
  [[nodiscard]] virtual PasswordVerdict check(const PasswordQuestion& question) = 0;
};

/// What is kept of the users' passwords.
class VerifierBook {
 public:
  VerifierBook() = default;
  VerifierBook(const VerifierBook&) = delete;
  VerifierBook& operator=(const VerifierBook&) = delete;
  virtual ~VerifierBook() = default;

  struct Entry {
    std::string user;         ///< canonical
    Secret hash;              ///< usable
    bool is_stand_in = true;  ///< nobody has that name or that kind of hash: do the same work and fail
  };

  /// Never without an entry. `for_scram`: one with a SCRAM verifier. Blocks. Any thread.
  [[nodiscard]] virtual Entry find(std::string_view name, bool for_scram) = 0;
  /// Whether anybody has a SCRAM verifier. Blocks. Any thread.
  [[nodiscard]] virtual bool has_scram() = 0;
};

/// The users file as a source of passwords.
class BookSource final : public PasswordSource {
 public:
  explicit BookSource(VerifierBook& book) : book_(book) {}
  [[nodiscard]] PasswordVerdict check(const PasswordQuestion& question) override;

 private:
  VerifierBook& book_;
};

}  // namespace posthorn::system
