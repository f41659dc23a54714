// PosixDisk: the real world::Disk. Names are opened beneath a folder that is held open, never through a link
// (openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, or one name at a time with O_NOFOLLOW where the kernel lacks it).
// Every call says what it did to which path, and why it failed. Locks are those of lockf(3) as others see them.
#pragma once

#include "world/disk.hpp"

#include <memory>
#include <string>

namespace posthorn::system {

class PosixDisk final : public world::Disk {
 public:
  struct Settings {
    bool use_openat2 = true;  ///< false: as on a kernel without it
  };

  PosixDisk() : PosixDisk(Settings{}) {}
  explicit PosixDisk(const Settings& settings);

  Result<std::unique_ptr<world::Folder>> open_root(const std::string& path) override;
  Result<std::unique_ptr<world::Folder>> make_root(const std::string& path, unsigned mode) override;

 private:
  bool has_openat2_;
};

}  // namespace posthorn::system
