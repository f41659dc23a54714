// The simulated disk: keeps what was synced and, on a power cut, forgets or keeps each unsynced write and name on its own.
// Deterministic from a seed, one thread, no time of its own. Rules (FAULTS.md, "Simulated disk"):
//   - bytes are durable after File::sync_data, names after Folder::sync of the folder they stand in; neither implies the other;
//   - a cut leaves, per unsynced write and 512-octet sector, the old or the new content (garbage only where the file grew);
//   - a sync that fails keeps or drops what it covered, marks it clean, and the next one succeeds (F4);
//   - writing over what is there needs no space; growing does.
// make_root is durable when it returns. Not simulated: hard links made by the program, modes changed after creation.
#pragma once

#include "base/time.hpp"
#include "sim/disk_choice.hpp"
#include "world/clock.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::sim {

enum class DiskOperation : std::uint8_t {
  open_root,
  make_root,
  open_file,
  create_file,
  open_folder,
  make_folder,
  rename,
  remove,
  list,
  facts,
  sync_folder,
  lock,
  set_owner,
  free_space,
  read,
  write,
  sync_data,
  size,
  truncate,
  close,
};
[[nodiscard]] std::string_view to_text(DiskOperation operation);
/// Whether it changes or syncs something: only these are counted as places to cut (a crash between two reads is one crash).
[[nodiscard]] bool is_change(DiskOperation operation);

/// In which order unsynced names and bytes reach the disk.
enum class CrashMode : std::uint8_t {
  ordered,             ///< names: one journal for all folders, a prefix of it survives; bytes: a prefix per file
  prefix,              ///< names: a prefix per folder; bytes: a prefix per file
  reordered,           ///< each name and each write for itself
  delayed_allocation,  ///< names as in prefix; a file may have its new size without its new bytes (zeros)
};
[[nodiscard]] std::string_view to_text(CrashMode mode);

/// Faults at random: one in so many operations, 0 never. Drawn from the disk's seed.
struct DiskOdds {
  std::uint32_t read_error = 0;
  std::uint32_t write_error = 0;
  std::uint32_t sync_error = 0;      ///< of bytes and of names
  std::uint32_t name_error = 0;      ///< create, rename, remove
  std::uint32_t no_space = 0;        ///< write, create
  std::uint32_t too_many_files = 0;  ///< open, create
  std::uint32_t rotten_read = 0;     ///< one bit of what is read is turned, for good
  std::uint32_t slow = 0;            ///< adds up to `slowest` to elapsed()
};

struct DiskSettings {
  std::uint64_t seed = 1;
  CrashMode mode = CrashMode::reordered;
  std::uint64_t capacity = 1ULL << 30;  ///< octets
  std::uint64_t block = 4096;           ///< octets; what space is given out in
  std::uint64_t inodes = 1'000'000;
  std::uint64_t open_limit = 1'000'000;  ///< files, folders and locks held open
  unsigned user = 1000;                  ///< whom new files belong to; 0 may do everything
  unsigned group = 1000;
  DiskOdds odds{};
  Duration operation_time{};                    ///< each operation takes this long,
  Duration sync_time{};                         ///< each sync this much more,
  Duration slowest = std::chrono::seconds{10};  ///< a slow one up to this much more
  std::size_t trace_limit = 4096;               ///< operations remembered for trace()
};

/// A fault at a chosen place: the operations of this kind whose path contains `path`, after `skip` of them, fail `times`
/// times. A failing write leaves part of its bytes, a failing sync follows F4.
struct DiskFault {
  static constexpr std::uint64_t always = std::numeric_limits<std::uint64_t>::max();
  DiskOperation operation = DiskOperation::write;
  Error::Kind error = Error::Kind::io;
  std::uint64_t skip = 0;
  std::uint64_t times = 1;
  std::string path{};  ///< empty: any
};

struct DiskEvent {
  DiskOperation operation;
  std::string_view path;
  std::string_view detail;  ///< "4096+512", "-> /new/name", or empty
};

class DiskState;

class Disk final : public world::Disk {
 public:
  explicit Disk(DiskSettings settings = {}, const world::Clock* clock = nullptr);
  ~Disk() override;

  Result<std::unique_ptr<world::Folder>> open_root(const std::string& path) override;
  Result<std::unique_ptr<world::Folder>> make_root(const std::string& path, unsigned mode) override;

  // ---- power ----
  /// Operations so far that changed or synced something, failed ones too.
  [[nodiscard]] std::uint64_t operations() const;
  /// The n-th such operation (counted as operations() does, from 1) is not done and the power is off from there on: every
  /// call fails and nothing more becomes durable.
  void cut_power_at(std::uint64_t n);
  void cut_power();
  [[nodiscard]] bool power_is_off() const;
  /// What stands on the disk after the power comes back: everything not durable is chosen. Files, folders and locks held
  /// from before fail for ever. The fault plan and the cut are forgotten; odds stay.
  void reboot(CrashChoice& choice);
  /// The same as a disk of its own, with this one unchanged, so that all outcomes of one cut can be looked at.
  [[nodiscard]] std::unique_ptr<Disk> after_power_cut(CrashChoice& choice) const;
  /// Of all that programs can find on it now, numbers and times of files included. Not of what is unsynced.
  [[nodiscard]] std::uint64_t hash() const;
  /// After a cut that was only the program's end (SIGKILL; the machine lived on): what it had done is all there, as
  /// unsynced as before; what it held fails for ever, and its locks are free when the objects are destroyed.
  void restart();

  // ---- faults ----
  void plan(DiskFault fault);
  void forget_plan();
  void set_odds(const DiskOdds& odds);
  void set_capacity(std::uint64_t octets);
  void set_open_limit(std::uint64_t handles);
  /// Acts as this account from now on (a mailbox that belongs to somebody else).
  void set_account(unsigned user, unsigned group);

  // ---- behind the program's back; durable at once; all paths absolute. False: no such place ----
  bool plant_file(const std::string& path, std::string_view bytes, unsigned mode = 0600);
  bool plant_folder(const std::string& path, unsigned mode = 0700);
  bool plant_link(const std::string& path, const std::string& target);
  bool plant_hard_link(const std::string& path, const std::string& existing);
  bool change_owner(const std::string& path, unsigned user, unsigned group);
  bool change_mode(const std::string& path, unsigned mode);
  bool erase(const std::string& path);  ///< with all beneath
  bool move(const std::string& from, const std::string& to);
  /// Writes over what is there, in memory and on the platter: rot, misdirected writes, stale sectors.
  bool corrupt(const std::string& path, std::uint64_t offset, std::string_view bytes);
  [[nodiscard]] std::optional<std::string> contents(const std::string& path) const;
  /// Every name beneath the folder, as paths from the root, in order; folders end with a slash.
  [[nodiscard]] std::vector<std::string> tree(const std::string& path = "/") const;

  // ---- for reports and for the scheduler ----
  [[nodiscard]] std::uint64_t used_octets() const;
  [[nodiscard]] std::uint64_t open_handles() const;
  /// How long the operations since the last call took; a job that used the disk ends that much later.
  [[nodiscard]] Duration take_elapsed();
  /// Called for each operation before it is done.
  void on_operation(std::function<void(const DiskEvent&)> hook);
  /// The last operations, one line each: number, operation, path, detail, and what failed.
  [[nodiscard]] std::string trace() const;

 private:
  struct Made {};

 public:
  Disk(Made, std::shared_ptr<DiskState> state);  ///< for after_power_cut()

 private:
  std::shared_ptr<DiskState> state_;
};

}  // namespace posthorn::sim
