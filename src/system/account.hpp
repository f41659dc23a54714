// Accounts of the system: finding one by its name, and becoming it for good.
#pragma once

#include "base/result.hpp"

#include <sys/types.h>
#include <string>
#include <vector>

namespace posthorn::system {

struct Account {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  ///< all of them, `group` among them
};

/// Looks up the account; with `group` not empty, that group instead of the account's own. Errors: not_found, whose text
/// names what is missing and how it is made.
Result<Account> find_account(const std::string& name, const std::string& group = {});

[[nodiscard]] bool is_root();

/// The parts of root's rights that may be kept.
struct KeptRights {
  bool bind_low_ports = false;  ///< CAP_NET_BIND_SERVICE, for a reload that adds a listener
};

/// Keeps of root's rights what the parent of the server's processes needs for as long as it runs: to bind ports below 1024,
/// to start processes under other accounts and to end them, and to read certificates, keys and the configuration anew. The
/// others cannot be had back, by this process or by what it starts. Stays root by name; before threads are started.
/// `gives_folders`: it also starts the process that writes mail as its users, and keeps the right to give files away for it.
Result<> keep_parent_rights(bool gives_folders);

/// The same for the process that writes mail as its users: to change accounts and to give files away.
Result<> keep_deliver_rights();

/// Becomes the account: groups, group, user, in this order, and checks that there is no way back. On failure the process
/// is half changed: the caller ends. Before threads are started.
Result<> become(const Account& account, const KeptRights& kept = {});

}  // namespace posthorn::system
