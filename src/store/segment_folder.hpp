// The folder of the segments as files: finding them, making one ready for use, emptying one for reuse, removing one.
// A segment gets its name `segment-N` only when it was written in full and synced, and is used only when the name is
// durable too. Blocks; for workers, any of them.
#pragma once

#include "base/result.hpp"
#include "store/segment_format.hpp"
#include "world/disk.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

/// A file named like a segment, as it was found.
struct FoundSegment {
  std::uint32_t number = 0;
  std::uint64_t file_octets = 0;
  Result<SegmentHeader> header;
};

struct FoundFiles {
  std::vector<FoundSegment> segments;
  std::vector<std::string> unfinished;  ///< segments that were being made when the power went
  std::vector<std::string> foreign;     ///< names that are not ours
};

class SegmentFolder {
 public:
  enum class Access : std::uint8_t { read, write };

  /// `folder` outlives it.
  explicit SegmentFolder(world::Folder& folder, Access access = Access::write) : folder_(folder), access_(access) {}

  /// All that is there, with the headers read. A segment's header is the newer of its two copies that is whole.
  [[nodiscard]] Result<FoundFiles> find();

  /// The file, opened for our access; kept open for a while.
  [[nodiscard]] Result<std::shared_ptr<world::File>> open(std::uint32_t number);
  /// Forgets the open file: after a failed write or sync nobody uses that descriptor again.
  void forget(std::uint32_t number);

  /// Makes an empty segment: written in full, synced, named, the name synced. What fails leaves nothing behind.
  [[nodiscard]] Result<> make(const SegmentHeader& empty);
  /// Writes both copies of the header and syncs them.
  [[nodiscard]] Result<> write_header(const SegmentHeader& header);
  /// Durable when it returns. An error after the name was taken away leaves open whether it comes back.
  [[nodiscard]] Result<> remove(std::uint32_t number);
  [[nodiscard]] Result<> remove_unfinished(std::string_view name);

  [[nodiscard]] world::Folder& folder() { return folder_; }
  [[nodiscard]] static std::string name_of(std::uint32_t number);
  [[nodiscard]] static std::optional<std::uint32_t> number_of(std::string_view name);

 private:
  static constexpr std::size_t open_limit = 128;

  Result<> write_whole(std::string_view name, const SegmentHeader& empty);
  [[nodiscard]] FoundSegment look_at(std::uint32_t number, const std::string& name);

  world::Folder& folder_;
  Access access_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::shared_ptr<world::File>> open_;
  std::deque<std::uint32_t> opened_;
};

/// Both copies of the header, each in a block of its own: the start of a segment.
[[nodiscard]] std::string encode_segment_start(const SegmentHeader& header);

}  // namespace posthorn::store
