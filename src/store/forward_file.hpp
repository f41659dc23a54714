// A user's redirect file (".forward" in the user's folder): where the user's mail goes on to. Targets as in aliases(5), separated
// by commas or line ends: addresses, names of users here, "\name" or the own name to keep a copy. Programs and files are refused.
// It counts only if it is a plain file of the user's, or of the account that mailboxes belong to, that nobody else may write.
// Blocking: on a worker.
#pragma once

#include "base/result.hpp"
#include "mail/user_name.hpp"
#include "rules/alias.hpp"
#include "store/mailbox.hpp"
#include "world/disk.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

struct ForwardLimits {
  std::uint64_t octets = 64U << 10;
  std::size_t targets = 100;
};

struct Forward {
  std::vector<rules::AliasTarget> targets;  ///< without those that mean a copy
  bool keeps_copy = false;
  std::vector<std::string> faults;  ///< targets that are left out, for the log
};

/// `user`: whose file it is.
[[nodiscard]] Forward parse_forward(std::string_view text, const mail::UserName& user,
                                    const ForwardLimits& limits = {});

struct ForwardPlace {
  std::string root;       ///< the mail root
  std::string file_name;  ///< ".forward"
  MailboxOwner account;   ///< that we run as
};

/// None: there is no such file. Errors: `not_permitted`, `is_link` and `invalid` (it does not count, and why: rights, another
/// name for it, size), io.
[[nodiscard]] Result<std::optional<Forward>> read_forward(world::Disk& disk, const ForwardPlace& place,
                                                          const mail::UserName& user, const ForwardLimits& limits = {});

}  // namespace posthorn::store
