#include "system/account.hpp"

#include "system/system_error.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace posthorn::system {
namespace {

/// Calls a look-up of the `_r` family with a buffer that grows until the entry fits.
template <class Entry, class LookUp>
Result<Entry> look_up(LookUp function, const std::string& name, std::vector<char>& buffer, const std::string& what) {
  constexpr std::size_t largest = std::size_t{1} << 20;
  for (buffer.resize(1'024); buffer.size() <= largest; buffer.resize(buffer.size() * 2)) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = function(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (found != nullptr) return entry;
    if (error != 0 && error != ENOENT) return system_failure("look up the " + what + " " + name, error);
    break;
  }
  return failure(Error::Kind::not_found, "there is no " + what + " " + name + "; make it or set another");
}

Result<std::vector<gid_t>> groups_of(const Account& account) {
  std::vector<gid_t> groups(64);
  auto count = static_cast<int>(groups.size());
  if (::getgrouplist(account.name.c_str(), account.group, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(account.name.c_str(), account.group, groups.data(), &count) < 0) {
      return failure(Error::Kind::other, "the groups of " + account.name + " cannot be read");
    }
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

Result<> set_capabilities(std::uint64_t kept) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  for (std::size_t half = 0; half < sets.size(); ++half) {
    const auto bits = static_cast<std::uint32_t>(kept >> (32 * half));
    sets.at(half) = {.effective = bits, .permitted = bits, .inheritable = 0};
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return system_failure("set the capabilities");
  return {};
}

std::uint64_t permitted_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return 0;
  return sets[0].permitted | std::uint64_t{sets[1].permitted} << 32;
}

constexpr std::uint64_t bit_of(int right) { return std::uint64_t{1} << right; }

Result<> keep_rights(std::uint64_t kept) {
  for (unsigned right = 0; right <= CAP_LAST_CAP; ++right) {
    const bool is_kept = (kept >> right & 1U) != 0;
    if (is_kept || ::prctl(PR_CAPBSET_READ, right, 0, 0, 0) != 1) continue;
    // Where that is not allowed (a service manager took CAP_SETPCAP), the set is bounded by who took it.
    if (::prctl(PR_CAPBSET_DROP, right, 0, 0, 0) != 0 && errno != EPERM) return system_failure("give up rights");
  }
  return set_capabilities(kept & permitted_capabilities());
}

Result<> change_ids(const Account& account) {
  if (::setgroups(account.groups.size(), account.groups.data()) != 0) return system_failure("set the groups");
  if (::setresgid(account.group, account.group, account.group) != 0) return system_failure("set the group");
  if (::setresuid(account.user, account.user, account.user) != 0) return system_failure("set the user");
  return {};
}

/// What cannot be undone has no way back: trying it must fail.
Result<> check_irrevocable(const Account& account) {
  if (account.user == 0) return {};
  const bool is_new = ::getuid() == account.user && ::geteuid() == account.user && ::getgid() == account.group &&
                      ::getegid() == account.group;
  if (!is_new) return failure(Error::Kind::not_permitted, "the change did not take place");
  if (::setuid(0) == 0 || ::seteuid(0) == 0)
    return failure(Error::Kind::not_permitted, "root's rights could be taken back");
  return {};
}

}  // namespace

Result<Account> find_account(const std::string& name, const std::string& group) {
  std::vector<char> buffer;
  const auto user = look_up<passwd>(::getpwnam_r, name, buffer, "user");
  if (!user) return failure(user.error());
  Account account{.name = name, .user = user->pw_uid, .group = user->pw_gid, .groups = {}};
  if (!group.empty()) {
    const auto found = look_up<::group>(::getgrnam_r, group, buffer, "group");
    if (!found) return failure(found.error());
    account.group = found->gr_gid;
  }
  auto groups = groups_of(account);
  if (!groups) return failure(std::move(groups.error()));
  account.groups = std::move(*groups);
  return account;
}

bool is_root() { return ::geteuid() == 0; }

Result<> keep_parent_rights(bool gives_folders) {
  std::uint64_t kept = 0;
  for (const int right : {CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_DAC_READ_SEARCH}) {
    kept |= bit_of(right);
  }
  return keep_rights(gives_folders ? kept | bit_of(CAP_CHOWN) : kept);
}

Result<> keep_deliver_rights() { return keep_rights(bit_of(CAP_SETUID) | bit_of(CAP_SETGID) | bit_of(CAP_CHOWN)); }

Result<> become(const Account& account, const KeptRights& kept) {
  const auto doing = "become the user " + account.name;
  if (kept.bind_low_ports && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return system_failure(doing);
  auto done = change_ids(account);
  if (done && account.user != 0)
    done = set_capabilities(kept.bind_low_ports ? std::uint64_t{1} << CAP_NET_BIND_SERVICE : 0);
  if (done) done = check_irrevocable(account);
  if (!done) return failure(std::move(done.error()).context(doing));
  return {};
}

}  // namespace posthorn::system
