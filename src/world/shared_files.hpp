// Files that other programs write at the same moment as we: quota files, mbox. A shared file is added to in one piece,
// locked where it is, and told apart from what somebody may have put in its place: a link to elsewhere, a second name of a
// file of theirs (SECURITY.md, "Links and races in user folders").
// Every call blocks and is made on a worker.
#pragma once

#include "world/disk.hpp"

#include <memory>
#include <string_view>

namespace posthorn::world {

class SharedFile : public File {
 public:
  /// Adds to the end, wherever that is by then (O_APPEND). After an error part of it may be there.
  virtual Result<> append(std::string_view bytes) = 0;
  /// Keeps out whoever locks this file by lockf's family, other threads of ours too, for as long as it is open; `in_use`
  /// if another still holds it after `wait`.
  virtual Result<> lock(Duration wait) = 0;
};

class SharedFiles {
 public:
  SharedFiles() = default;
  SharedFiles(const SharedFiles&) = delete;
  SharedFiles& operator=(const SharedFiles&) = delete;
  virtual ~SharedFiles() = default;

  /// Opens a regular file for reading and writing; a link is `is_link`, none is `not_found`.
  virtual Result<std::unique_ptr<SharedFile>> open(Folder& folder, std::string_view name) = 0;
  /// The lock of programs that lock no file but make one: made exclusively with `mark` in it, removed at the end. One left
  /// behind by a process that is gone, or with our own `mark` (whoever writes it holds another lock, too), is taken over.
  /// `in_use` if somebody else's is still there after `wait`.
  virtual Result<std::unique_ptr<FileLock>> dot_lock(Folder& folder, std::string_view name, std::string_view mark,
                                                     Duration wait) = 0;
};

}  // namespace posthorn::world
