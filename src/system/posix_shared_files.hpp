// Shared files on the real disk: O_APPEND, locks of the open file (F_OFD_SETLK, which lockf(3) of others sees), dot-locks
// whose stale ones are told by the process id in them or, where there is none, by their age.
#pragma once

#include "world/shared_files.hpp"

namespace posthorn::system {

class PosixSharedFiles final : public world::SharedFiles {
 public:
  Result<std::unique_ptr<world::SharedFile>> open(world::Folder& folder, std::string_view name) override;
  Result<std::unique_ptr<world::FileLock>> dot_lock(world::Folder& folder, std::string_view name, std::string_view mark,
                                                    Duration wait) override;
};

}  // namespace posthorn::system
