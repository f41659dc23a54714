// The disk: folders held open, files beneath them, never through a symbolic link, never by a path that text from outside
// could bend. Every call blocks and is made on a worker; every call says whether it failed. Nothing is durable before
// the sync that covers it: bytes by File::sync_data, names by Folder::sync.
// A file whose sync failed is lost for writing: what was written since the last good sync may or may not be there, and a
// second sync that succeeds proves nothing (FAULTS F4). Callers abandon it.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::world {

enum class EntryType : std::uint8_t { file, folder, link, other };

struct Entry {
  std::string name;
  EntryType type = EntryType::other;
};

struct EntryFacts {
  EntryType type = EntryType::other;
  std::uint64_t size = 0;
  unsigned mode = 0;  ///< permission bits
  unsigned user = 0;
  unsigned group = 0;
  unsigned links = 0;
  std::int64_t modified_ns = 0;  ///< since 1970
  std::uint64_t inode = 0;
};

/// Reads and writes at positions, so that threads do not share a cursor. Destroying it closes it and drops the result;
/// whoever wrote calls close() and looks.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Reads up to `into.size()` octets; fewer only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) = 0;
  /// Writes all of the pieces one after another. After an error part of them may be there.
  virtual Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) = 0;
  Result<> write_at(std::uint64_t offset, std::string_view bytes) { return write_at(offset, std::span{&bytes, 1}); }
  /// Makes the bytes and the size durable (fdatasync).
  virtual Result<> sync_data() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
  /// Of the open file, whatever has become of its name: who owns it, how many names it has.
  [[nodiscard]] virtual Result<EntryFacts> facts() = 0;
  virtual Result<> truncate(std::uint64_t size) = 0;
  /// Tells the owner, the mode (permission bits only) and the account may follow: fchown and fchmod.
  virtual Result<> set_owner(unsigned user, unsigned group) = 0;
  virtual Result<> close() = 0;
};

/// Held for as long as the object lives; freed by the kernel when the process dies (FAULTS F26).
class FileLock {
 public:
  FileLock() = default;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  virtual ~FileLock() = default;
};

struct FreeSpace {
  std::uint64_t octets = 0;        ///< free for us
  std::uint64_t total_octets = 0;  ///< of the file system
  std::uint64_t inodes = 0;        ///< free; the largest value where the file system has no such count
};

/// A folder held open. `name` is one name beneath it: no slash, not empty, not "." or ".."; another name is `invalid`.
class Folder {
 public:
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  virtual ~Folder() = default;

  /// Opens a regular file; a link is `is_link`, none is `not_found`.
  virtual Result<std::unique_ptr<File>> open_file(std::string_view name, bool for_writing) = 0;
  /// Makes a new file with this mode; `exists` if the name is taken, by whatever.
  virtual Result<std::unique_ptr<File>> create_file(std::string_view name, unsigned mode) = 0;
  virtual Result<std::unique_ptr<Folder>> open_folder(std::string_view name) = 0;
  /// `exists` if the name is taken.
  virtual Result<> make_folder(std::string_view name, unsigned mode) = 0;

  /// Moves a name; `replace` false: `exists` if the new name is taken (RENAME_NOREPLACE).
  virtual Result<> rename(std::string_view name, Folder& to, std::string_view new_name, bool replace) = 0;
  /// Removes a file (or, with `folder`, an empty folder).
  virtual Result<> remove(std::string_view name, bool folder = false) = 0;
  /// All names but "." and "..", in no order.
  virtual Result<std::vector<Entry>> list() = 0;
  virtual Result<EntryFacts> facts(std::string_view name) = 0;  ///< of the name itself, not of a link's target
  virtual Result<EntryFacts> facts() = 0;                       ///< of this folder
  /// Makes the names in this folder durable: creations, renames and removals so far.
  virtual Result<> sync() = 0;
  /// Locks the file of that name, made if need be (lockf's family: lockf(3) of other programs excludes us); `in_use` if
  /// another process or thread still holds it after `wait`.
  virtual Result<std::unique_ptr<FileLock>> lock(std::string_view name, Duration wait) = 0;
  Result<std::unique_ptr<FileLock>> lock(std::string_view name) { return lock(name, Duration{}); }
  virtual Result<> set_owner(unsigned user, unsigned group) = 0;
  [[nodiscard]] virtual Result<FreeSpace> free_space() = 0;
  /// For messages to people only.
  [[nodiscard]] virtual std::string path() const = 0;
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  /// Opens a folder by a path that the administrator wrote; links on the way are the administrator's business.
  virtual Result<std::unique_ptr<Folder>> open_root(const std::string& path) = 0;
  /// The same, made with its parents if it is not there; its name and theirs are durable when it returns. Modes: 0755 for
  /// parents, `mode` for the last.
  virtual Result<std::unique_ptr<Folder>> make_root(const std::string& path, unsigned mode) = 0;
};

}  // namespace posthorn::world
