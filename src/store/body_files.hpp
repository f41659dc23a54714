// The folder of the bodies that have a file each: `bodies/ID`. Blocks, but for remove_later(). Inner to the spool.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"
#include "world/disk.hpp"
#include "world/loop.hpp"
#include "world/workers.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::store {

class BodyFiles : public std::enable_shared_from_this<BodyFiles> {
 public:
  BodyFiles(std::unique_ptr<world::Folder> folder, world::Workers& workers, std::uint32_t block_octets)
      : folder_(std::move(folder)), workers_(workers), block_octets_(block_octets) {}

  /// False: there is no such folder (a spool that is only looked at); nothing may be asked of it then.
  [[nodiscard]] bool is_there() const { return folder_ != nullptr; }
  [[nodiscard]] Result<std::unique_ptr<world::File>> create(MessageId id) {
    return folder_->create_file(id.to_string(), 0600);
  }
  [[nodiscard]] Result<std::unique_ptr<world::File>> open(MessageId id) {
    return folder_->open_file(id.to_string(), false);
  }
  /// Makes the names durable. A sync that fails may have dropped the names of others too, and their own sync, which then
  /// finds nothing to do, proves nothing: whoever made a file compares failed_syncs() before and after (F4).
  [[nodiscard]] Result<> sync() {
    auto synced = folder_->sync();
    if (!synced) ++failed_syncs_;
    return synced;
  }
  [[nodiscard]] std::uint64_t failed_syncs() const { return failed_syncs_; }
  [[nodiscard]] Result<> remove(MessageId id) { return folder_->remove(id.to_string()); }
  /// Moves the file to another folder under a new name.
  [[nodiscard]] Result<> move(MessageId id, world::Folder& to, const std::string& name) {
    return folder_->rename(id.to_string(), to, name, true);
  }
  [[nodiscard]] Result<std::vector<world::Entry>> list() { return folder_->list(); }

  /// On a worker, at some time; what fails is left to the next start. Any thread. `open_file` is closed there.
  void remove_later(MessageId id, std::unique_ptr<world::File> open_file = nullptr);
  /// What was written since free space was looked at last: the look does not know of it yet. Any thread.
  void note_written(std::uint64_t octets) { written_since_look_ += octets; }
  void forget_written() { written_since_look_ = 0; }
  [[nodiscard]] std::uint64_t written_since_look() const { return written_since_look_; }
  /// Removals under way.
  [[nodiscard]] std::size_t jobs() const { return jobs_; }

  [[nodiscard]] world::Workers& workers() { return workers_; }
  [[nodiscard]] std::uint32_t block_octets() const { return block_octets_; }

 private:
  std::unique_ptr<world::Folder> folder_;
  world::Workers& workers_;
  std::uint32_t block_octets_;
  std::atomic<std::size_t> jobs_ = 0;
  std::atomic<std::uint64_t> written_since_look_ = 0;
  std::atomic<std::uint64_t> failed_syncs_ = 0;
};

}  // namespace posthorn::store
