// What the simulated disk is made of: nodes (files, folders, links), each with the state programs see and the state the
// platter holds, and between them the list of what was not synced. Internal to sim/disk*.
#pragma once

#include "world/disk.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::sim {

inline constexpr std::uint64_t sector = 512;

struct DiskNode;
using DiskNodePointer = std::shared_ptr<DiskNode>;
using DiskNames = std::map<std::string, DiskNodePointer, std::less<>>;

struct DiskOwner {
  unsigned user = 0;
  unsigned group = 0;
};

/// A write, or with `is_truncate` a new size, that sync_data has not covered yet.
struct UnsyncedWrite {
  std::uint64_t offset = 0;  ///< of a truncate: the new size
  std::string bytes;
  bool is_truncate = false;

  /// Does it to an image. Bytes between the old end and `offset` are zero.
  void apply(std::string& image) const;
};

/// What a name stands for after an operation; null: nothing. The two halves of one rename have one `serial`.
struct NameChange {
  std::uint64_t serial = 0;
  std::string name;
  DiskNodePointer node;

  void apply(DiskNames& names) const;
};

struct DiskNode {
  world::EntryType type = world::EntryType::file;
  std::uint64_t number = 0;
  unsigned mode = 0;
  DiskOwner owner;
  DiskOwner durable_owner;
  std::int64_t modified_ns = 0;

  std::string bytes;  ///< file: what is read
  std::string durable_bytes;
  std::vector<UnsyncedWrite> writes;
  std::vector<bool> blocks;  ///< file: which blocks have space of their own

  DiskNames names;  ///< folder
  DiskNames durable_names;
  std::vector<NameChange> changes;

  std::string target;  ///< link

  unsigned links = 0;  ///< names in folders as seen now
  unsigned open = 0;   ///< handles
  bool locked = false;
};

}  // namespace posthorn::sim
