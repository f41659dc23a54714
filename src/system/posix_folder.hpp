// PosixFolder: one folder of a PosixDisk, held open.
#pragma once

#include "system/descriptor.hpp"
#include "world/disk.hpp"

#include <string>

struct stat;

namespace posthorn::system {

/// Whether openat2(2) is there and not forbidden.
[[nodiscard]] bool kernel_has_openat2();

/// The descriptor that holds a lock which PosixFolder::lock() gave: the lock lasts as long as a process holds a copy of it.
[[nodiscard]] int descriptor_of(const world::FileLock& lock);

class PosixFolder final : public world::Folder {
 public:
  PosixFolder(Descriptor descriptor, std::string path, bool has_openat2);

  Result<std::unique_ptr<world::File>> open_file(std::string_view name, bool for_writing) override;
  Result<std::unique_ptr<world::File>> create_file(std::string_view name, unsigned mode) override;
  Result<std::unique_ptr<world::Folder>> open_folder(std::string_view name) override;
  Result<> make_folder(std::string_view name, unsigned mode) override;
  Result<> rename(std::string_view name, world::Folder& to, std::string_view new_name, bool replace) override;
  Result<> remove(std::string_view name, bool folder) override;
  Result<std::vector<world::Entry>> list() override;
  Result<world::EntryFacts> facts(std::string_view name) override;
  Result<world::EntryFacts> facts() override;
  Result<> sync() override;
  Result<std::unique_ptr<world::FileLock>> lock(std::string_view name, Duration wait) override;
  Result<> set_owner(unsigned user, unsigned group) override;
  [[nodiscard]] Result<world::FreeSpace> free_space() override;
  [[nodiscard]] std::string path() const override { return path_; }

  /// A regular file, for reading and writing.
  [[nodiscard]] Result<Descriptor> open_descriptor(std::string_view name);

 private:
  [[nodiscard]] std::string beneath(std::string_view name) const;
  /// The name as the kernel takes it; `invalid` if it is no name in a folder.
  Result<std::string> checked(std::string_view name) const;
  [[nodiscard]] int open_beneath(const std::string& name, int flags, unsigned mode) const;
  Result<Descriptor> open_regular(std::string_view name, int flags, unsigned mode);
  Result<> move_without_replacing(const std::string& name, const PosixFolder& to, const std::string& new_name) const;

  Descriptor descriptor_;
  std::string path_;
  bool has_openat2_;
};

}  // namespace posthorn::system
