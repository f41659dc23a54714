#include "system/posix_folder.hpp"

#include "base/assert.hpp"
#include "system/file_lock.hpp"
#include "system/posix_file.hpp"
#include "system/system_error.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <limits>
#include <utility>

namespace posthorn::system {
namespace {

using world::EntryType;

constexpr unsigned rights_of_others = 0077;

long openat2(int folder, const char* name, const open_how& how) {
  return ::syscall(SYS_openat2, folder, name, &how, sizeof how);
}

EntryType type_of(const dirent& entry, int folder) {
  switch (entry.d_type) {
    case DT_REG:
      return EntryType::file;
    case DT_DIR:
      return EntryType::folder;
    case DT_LNK:
      return EntryType::link;
    case DT_UNKNOWN:
      break;  // some file systems do not say
    default:
      return EntryType::other;
  }
  struct stat facts{};
  return ::fstatat(folder, entry.d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 ? to_facts(facts).type : EntryType::other;
}

/// The descriptor holds the lock; closing it gives it back.
class PosixLock final : public world::FileLock {
 public:
  explicit PosixLock(Descriptor file) : file_(std::move(file)) {}
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  Descriptor file_;
};

}  // namespace

int descriptor_of(const world::FileLock& lock) {
  const auto* const held = dynamic_cast<const PosixLock*>(&lock);
  return held == nullptr ? -1 : held->descriptor();
}

bool kernel_has_openat2() {
  const open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH};
  const Descriptor here{static_cast<int>(openat2(AT_FDCWD, ".", how))};
  return here.is_open();
}

PosixFolder::PosixFolder(Descriptor descriptor, std::string path, bool has_openat2)
    : descriptor_(std::move(descriptor)), path_(std::move(path)), has_openat2_(has_openat2) {}

std::string PosixFolder::beneath(std::string_view name) const {
  std::string joined = path_;
  if (!joined.ends_with('/')) joined += '/';
  return joined += name;
}

Result<std::string> PosixFolder::checked(std::string_view name) const {
  const bool is_name = !name.empty() && name != "." && name != ".." &&
                       name.find_first_of(std::string_view{"/\0", 2}) == std::string_view::npos;
  if (!is_name) return failure(Error::Kind::invalid, path_ + ": not a name in a folder");
  return std::string{name};
}

int PosixFolder::open_beneath(const std::string& name, int flags, unsigned mode) const {
  return uninterrupted([&] {
    if (!has_openat2_) return ::openat(descriptor_.get(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
    const open_how how{.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC),
                       .mode = mode,
                       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return static_cast<int>(openat2(descriptor_.get(), name.c_str(), how));
  });
}

Result<Descriptor> PosixFolder::open_regular(std::string_view name, int flags, unsigned mode) {
  const auto checked_name = checked(name);
  if (!checked_name) return failure(checked_name.error());
  // O_NONBLOCK: a pipe that somebody put here must not hold us up.
  Descriptor file{open_beneath(*checked_name, flags | O_NONBLOCK | O_NOCTTY, mode)};
  const bool creates = (flags & O_CREAT) != 0;
  if (!file.is_open())
    return system_failure((creates ? "create " : "open ") + beneath(name), errno == ENXIO ? EINVAL : errno);
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return system_failure("open " + beneath(name));
  if (!S_ISREG(facts.st_mode)) return failure(Error::Kind::invalid, beneath(name) + ": not a regular file");
  return file;
}

Result<std::unique_ptr<world::File>> PosixFolder::open_file(std::string_view name, bool for_writing) {
  auto file = open_regular(name, for_writing ? O_RDWR : O_RDONLY, 0);
  if (!file) return failure(std::move(file.error()));
  return std::make_unique<PosixFile>(std::move(*file), beneath(name));
}

Result<std::unique_ptr<world::File>> PosixFolder::create_file(std::string_view name, unsigned mode) {
  auto file = open_regular(name, O_RDWR | O_CREAT | O_EXCL, mode);
  if (!file) return failure(std::move(file.error()));
  // The umask takes rights of others away, never the owner's.
  if ((mode & rights_of_others) != 0 && ::fchmod(file->get(), mode) != 0) {
    return system_failure("set the mode of " + beneath(name));
  }
  return std::make_unique<PosixFile>(std::move(*file), beneath(name));
}

Result<std::unique_ptr<world::Folder>> PosixFolder::open_folder(std::string_view name) {
  const auto checked_name = checked(name);
  if (!checked_name) return failure(checked_name.error());
  Descriptor folder{open_beneath(*checked_name, O_RDONLY | O_DIRECTORY, 0)};
  if (folder.is_open()) return std::make_unique<PosixFolder>(std::move(folder), beneath(name), has_openat2_);
  auto error = system_error("open the folder " + beneath(name), errno);
  // Without openat2 a link is only "not a folder".
  const auto what = errno == ENOTDIR ? facts(name) : failure(error);
  if (what && what->type == EntryType::link) error.kind = Error::Kind::is_link;
  return failure(std::move(error));
}

Result<> PosixFolder::make_folder(std::string_view name, unsigned mode) {
  const auto checked_name = checked(name);
  if (!checked_name) return failure(checked_name.error());
  if (::mkdirat(descriptor_.get(), checked_name->c_str(), mode) != 0) {
    return system_failure("make the folder " + beneath(name));
  }
  if ((mode & rights_of_others) == 0) return {};
  const Descriptor made{open_beneath(*checked_name, O_RDONLY | O_DIRECTORY, 0)};
  if (!made.is_open() || ::fchmod(made.get(), mode) != 0) return system_failure("set the mode of " + beneath(name));
  return {};
}

Result<> PosixFolder::rename(std::string_view name, world::Folder& to, std::string_view new_name, bool replace) {
  const auto* target = dynamic_cast<const PosixFolder*>(&to);
  ensure(target != nullptr, "both folders of a rename are real ones");
  const auto from = checked(name);
  const auto into = target->checked(new_name);
  if (!from || !into) return failure(from ? into.error() : from.error());
  if (!replace) return move_without_replacing(*from, *target, *into);
  if (::renameat(descriptor_.get(), from->c_str(), target->descriptor_.get(), into->c_str()) != 0) {
    return system_failure("rename " + beneath(name) + " to " + target->beneath(new_name));
  }
  return {};
}

Result<> PosixFolder::move_without_replacing(const std::string& name, const PosixFolder& to,
                                             const std::string& new_name) const {
  const int here = descriptor_.get();
  const int there = to.descriptor_.get();
  if (::renameat2(here, name.c_str(), there, new_name.c_str(), RENAME_NOREPLACE) == 0) return {};
  // Some file systems (NFS, FUSE) lack the flag; a hard link never replaces either.
  if (errno == EINVAL || errno == ENOSYS) {
    if (::linkat(here, name.c_str(), there, new_name.c_str(), 0) == 0 && ::unlinkat(here, name.c_str(), 0) == 0)
      return {};
  }
  return system_failure("rename " + beneath(name) + " to " + to.beneath(new_name));
}

Result<> PosixFolder::remove(std::string_view name, bool folder) {
  const auto checked_name = checked(name);
  if (!checked_name) return failure(checked_name.error());
  if (::unlinkat(descriptor_.get(), checked_name->c_str(), folder ? AT_REMOVEDIR : 0) != 0) {
    return system_failure("remove " + beneath(name));
  }
  return {};
}

Result<std::vector<world::Entry>> PosixFolder::list() {
  Descriptor own_cursor{::openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!own_cursor.is_open()) return system_failure("list " + path_);
  const auto close = [](DIR* folder) { ::closedir(folder); };
  const std::unique_ptr<DIR, decltype(close)> folder{::fdopendir(own_cursor.get()), close};
  if (!folder) return system_failure("list " + path_);
  static_cast<void>(own_cursor.release());
  std::vector<world::Entry> entries;
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view name{entry->d_name};
    if (name != "." && name != "..") entries.push_back({std::string{name}, type_of(*entry, descriptor_.get())});
  }
  if (errno != 0) return system_failure("list " + path_);
  return entries;
}

Result<world::EntryFacts> PosixFolder::facts(std::string_view name) {
  const auto checked_name = checked(name);
  if (!checked_name) return failure(checked_name.error());
  struct stat facts{};
  if (::fstatat(descriptor_.get(), checked_name->c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    return system_failure("look at " + beneath(name));
  }
  return to_facts(facts);
}

Result<world::EntryFacts> PosixFolder::facts() {
  struct stat facts{};
  if (::fstat(descriptor_.get(), &facts) != 0) return system_failure("look at " + path_);
  return to_facts(facts);
}

Result<> PosixFolder::sync() {
  if (::fsync(descriptor_.get()) != 0) return system_failure("sync the folder " + path_);
  return {};
}

Result<std::unique_ptr<world::FileLock>> PosixFolder::lock(std::string_view name, Duration wait) {
  auto file = open_regular(name, O_RDWR | O_CREAT, 0600);
  if (!file) return failure(std::move(file.error()));
  if (auto locked = lock_open_file(file->get(), beneath(name), wait); !locked)
    return failure(std::move(locked.error()));
  return std::make_unique<PosixLock>(std::move(*file));
}

Result<Descriptor> PosixFolder::open_descriptor(std::string_view name) { return open_regular(name, O_RDWR, 0); }

Result<> PosixFolder::set_owner(unsigned user, unsigned group) {
  if (::fchown(descriptor_.get(), user, group) != 0) return system_failure("give away " + path_);
  return {};
}

Result<world::FreeSpace> PosixFolder::free_space() {
  struct statvfs facts{};
  if (::fstatvfs(descriptor_.get(), &facts) != 0) return system_failure("ask for the free space of " + path_);
  return world::FreeSpace{
      .octets = std::uint64_t{facts.f_bavail} * facts.f_frsize,
      .total_octets = std::uint64_t{facts.f_blocks} * facts.f_frsize,
      .inodes = facts.f_files == 0 ? std::numeric_limits<std::uint64_t>::max() : std::uint64_t{facts.f_favail}};
}

}  // namespace posthorn::system
