// The users file: one line for each user, as in Dovecot's passwd-file, `name[:hash[:…]]`; comments start with "#". Names
// are mail::UserName (case and spelling do not tell users apart). A line that cannot be used is a fault and leaves the
// others alone. Edits keep every other line, comments and further fields as they are. Pure: text in, values and text out.
#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "mail/user_name.hpp"
#include "store/file_fault.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

inline constexpr std::uint64_t max_users_file_octets = 256ULL << 20;

struct UserLine {
  mail::UserName name;
  Secret hash;  ///< "{ARGON2ID}…"; empty: this user has no password and cannot log in
  unsigned line = 0;
};

struct UserList {
  std::vector<UserLine> users;  ///< in the order of the file, each name once
  std::vector<FileFault> faults;
};

/// `file` is for messages only.
[[nodiscard]] UserList parse_users(std::string_view text, const std::string& file);

/// The scheme of a hash, "ARGON2ID" of "{ARGON2ID}…"; "CRYPT" without braces; empty for no hash.
[[nodiscard]] std::string scheme_of(const Secret& hash);

/// The text with one line more, at the end. Errors: `exists`, `invalid` (a hash that cannot stand in a line).
[[nodiscard]] Result<std::string> with_user(std::string_view text, const mail::UserName& name, const Secret& hash);
/// The text without the user's line. Error: `not_found`.
[[nodiscard]] Result<std::string> without_user(std::string_view text, const mail::UserName& name);
/// The text with another hash in the user's line. Errors: `not_found`, `invalid`.
[[nodiscard]] Result<std::string> with_hash(std::string_view text, const mail::UserName& name, const Secret& hash);

}  // namespace posthorn::store
