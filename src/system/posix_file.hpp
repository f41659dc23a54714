// PosixFile: one open regular file of a PosixDisk.
#pragma once

#include "system/descriptor.hpp"
#include "world/disk.hpp"

#include <string>

struct stat;

namespace posthorn::system {

/// What stat(2) tells.
[[nodiscard]] world::EntryFacts to_facts(const struct stat& facts);

class PosixFile final : public world::File {
 public:
  PosixFile(Descriptor descriptor, std::string path);

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override;
  Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) override;
  Result<> sync_data() override;
  [[nodiscard]] Result<std::uint64_t> size() override;
  [[nodiscard]] Result<world::EntryFacts> facts() override;
  Result<> truncate(std::uint64_t size) override;
  Result<> set_owner(unsigned user, unsigned group) override;
  Result<> close() override;

 private:
  Descriptor descriptor_;
  std::string path_;
};

}  // namespace posthorn::system
