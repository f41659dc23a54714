// Shared files on the simulated disk. No time passes here while a job runs, so that waiting for a lock would not help.
#pragma once

#include "world/shared_files.hpp"

namespace posthorn::sim {

class SharedFiles final : public world::SharedFiles {
 public:
  Result<std::unique_ptr<world::SharedFile>> open(world::Folder& folder, std::string_view name) override;
  Result<std::unique_ptr<world::FileLock>> dot_lock(world::Folder& folder, std::string_view name, std::string_view mark,
                                                    Duration wait) override;
};

}  // namespace posthorn::sim
