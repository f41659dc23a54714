// The one object behind a simulated disk and all its handles: the tree, the counters, the fault plan, the power switch.
// Internal to sim/disk*.
#pragma once

#include "sim/disk.hpp"
#include "sim/disk_node.hpp"
#include "world/shared_files.hpp"

namespace posthorn::sim {

class DiskState {
 public:
  DiskState(const DiskSettings& settings, const world::Clock* clock);

  /// Counts and records the operation; an error if the power is off, the handle is from before a reboot, or a fault was due.
  Result<> begin(DiskOperation operation, std::uint64_t life, const std::string& path, std::string_view detail = {});
  /// Whether the operation begun last failed by the plan or the odds.
  [[nodiscard]] bool fault_injected() const { return fault_injected_; }
  /// Notes in the trace that the operation begun last failed.
  Error fail(Error::Kind kind, const std::string& path, std::string_view why);

  // ---- nodes ----
  [[nodiscard]] DiskNodePointer make_node(world::EntryType type, unsigned mode);
  /// Enters a node under a name (null: takes the name away), unsynced.
  void set_name(const DiskNodePointer& folder, const std::string& name, DiskNodePointer node, std::uint64_t serial);
  [[nodiscard]] std::uint64_t next_serial() { return ++serial_; }
  void sync_names(const DiskNodePointer& folder);
  void lose_or_keep(DiskNode& node);  ///< F4: a failed sync
  void opened(DiskNode& node);
  void closed(DiskNode& node);
  [[nodiscard]] std::int64_t now_ns() const;

  // ---- rights, space, descriptors ----
  /// `bits` as in one digit of a mode: 4 read, 2 write, 1 search.
  [[nodiscard]] bool may(const DiskNode& node, unsigned bits) const;
  [[nodiscard]] bool has_inode() const { return nodes_ < settings_.inodes; }
  [[nodiscard]] bool has_descriptor() const { return open_ < settings_.open_limit; }
  /// Gives space to the blocks of the range, as far as there is some; returns how many octets of the range have space.
  std::uint64_t allocate(DiskNode& node, std::uint64_t offset, std::uint64_t size);
  void release_beyond(DiskNode& node, std::uint64_t size);
  [[nodiscard]] world::FreeSpace free_space() const;

  // ---- paths, for the root and for what happens behind the program's back ----
  [[nodiscard]] DiskNodePointer find(std::string_view path) const;
  /// The folder that holds the path's last name; null if there is none.
  [[nodiscard]] DiskNodePointer parent_of(std::string_view path) const;
  /// Enters a node durably; replaces what was there.
  void plant(const DiskNodePointer& folder, const std::string& name, DiskNodePointer node);

  // ---- power ----
  /// The tree that a power cut now would leave, as a state of its own.
  [[nodiscard]] std::shared_ptr<DiskState> survivors(CrashChoice& choice) const;
  void become(DiskState& other);
  [[nodiscard]] std::uint64_t hash() const;
  void begin_new_life();

  [[nodiscard]] const DiskSettings& settings() const { return settings_; }
  /// Handles of an earlier life fail; nodes of an earlier tree are no business of ours.
  [[nodiscard]] std::uint64_t life() const { return life_; }
  [[nodiscard]] std::uint64_t tree() const { return tree_; }
  [[nodiscard]] SeededChoice& chance() { return chance_; }

 private:
  friend class Disk;
  [[nodiscard]] std::optional<Error::Kind> fault_for(DiskOperation operation, std::string_view path);
  [[nodiscard]] std::optional<Error::Kind> planned_fault(DiskOperation operation, std::string_view path);
  [[nodiscard]] std::optional<Error::Kind> drawn_fault(DiskOperation operation);
  void pass_time(DiskOperation operation);
  void note(std::string line);
  void release_if_gone(DiskNode& node);

  DiskSettings settings_;
  const world::Clock* clock_;
  SeededChoice chance_;
  DiskNodePointer root_;
  std::vector<std::weak_ptr<DiskNode>> changed_folders_;
  std::vector<DiskFault> plan_;
  std::function<void(const DiskEvent&)> hook_;
  std::deque<std::string> trace_;
  Duration elapsed_{};
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t nodes_ = 0;
  std::uint64_t used_blocks_ = 0;
  std::uint64_t open_ = 0;
  std::uint64_t life_ = 1;
  std::uint64_t tree_ = 1;
  bool off_ = false;
  bool fault_injected_ = false;
};

/// "/a/b" and "c" give "/a/b/c".
[[nodiscard]] std::string join(std::string_view folder, std::string_view name);

/// The handle to a folder of this state.
[[nodiscard]] std::unique_ptr<world::Folder> open_folder_handle(std::shared_ptr<DiskState> state, DiskNodePointer node,
                                                                std::string path);
/// A file in that folder, which is on a simulated disk.
[[nodiscard]] Result<std::unique_ptr<world::SharedFile>> open_shared_handle(world::Folder& folder,
                                                                            std::string_view name);

}  // namespace posthorn::sim
