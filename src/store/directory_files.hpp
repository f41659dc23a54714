// The directory (rules::Directory) as it is read from the administrator's files, with what is wrong in them, and whether
// they have changed since. A snapshot is never changed: a reload makes a new one and keeps the old if that fails.
// Blocking: on a worker, or in a command.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "rules/directory.hpp"
#include "store/file_fault.hpp"
#include "store/text_file.hpp"
#include "world/disk.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace posthorn::store {

/// The users file as somebody else has read it, who alone may: names without passwords.
struct GivenUsers {
  std::string text;
  FileMark mark;  ///< of the file
};

struct DirectorySettings {
  std::string users_file;
  std::shared_ptr<const GivenUsers> given_users{};  ///< instead of the file, which is not looked at
  std::string aliases_file;                         ///< empty: none
  std::vector<std::string> domains;                 ///< canonical, the first is the one that names without a domain get
  std::vector<IpAddress> own_addresses;             ///< for `user@[192.0.2.1]`; the loopback's need not be named
  std::string separator = "+";
};

struct LoadedDirectory {
  std::shared_ptr<const rules::Directory> directory;
  std::vector<FileFault> faults;     ///< lines that are left out
  std::vector<std::string> missing;  ///< files that are not there and count as empty
  std::vector<FileMark> marks;       ///< of all files that were read or looked for
};

/// Reads the files. A file that is not there is empty; one that cannot be read is an error (not_permitted, is_link, io, …).
[[nodiscard]] Result<LoadedDirectory> load_directory(world::Disk& disk, const DirectorySettings& settings);

/// Whether one of the files is not the one that was read.
[[nodiscard]] bool has_changed(world::Disk& disk, std::span<const FileMark> marks);

/// What is wrong with aliases as a whole: those that lead nowhere, in circles, or are of domains that
/// are not ours.
[[nodiscard]] std::vector<FileFault> judge_directory(const rules::Directory& directory,
                                                     const DirectorySettings& settings);

}  // namespace posthorn::store
