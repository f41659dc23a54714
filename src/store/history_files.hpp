// HistoryFiles: an append-only journal of lines, each beginning with a key and a blank, in numbered files `N.lines` of one
// folder. Lines are for people as well: grep works. Old files are removed as a whole, when they are old enough or when all
// together are too large. Nothing is synced: after a crash the last lines may be missing or torn, and a torn line is
// skipped. A start goes on in a new file.
// Blocks; for workers. Any thread, one call at a time waits for the other.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "world/disk.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

struct HistoryFilesSettings {
  std::string folder;  ///< made when the first line comes
  Duration keep{};     ///< lines are kept at least so long, while there is room
  std::uint64_t file_octets = 8U << 20;
  std::uint64_t total_octets = 256U << 20;  ///< and never more than a sixteenth of the file system
  std::uint64_t free_octets = 128U << 20;  ///< nothing is written when less is free; at most a tenth of the file system
  std::size_t read_octets = 1U << 20;
  std::size_t line_octets = 64U << 10;  ///< a longer line is not found
};

class HistoryFiles {
 public:
  HistoryFiles(world::Disk& disk, HistoryFilesSettings settings) : disk_(disk), settings_(std::move(settings)) {}

  void keep_for(Duration keep);
  /// Whole lines, each with its line end. Errors: no_space (also when little is left), io, …; nothing, or a part, was written.
  [[nodiscard]] Result<> append(std::string_view lines, WallTime now);
  /// What stands behind the key in lines that begin with it, oldest first, the newest `most` of them.
  [[nodiscard]] Result<std::vector<std::string>> lines_of(std::string_view key, std::size_t most);

 private:
  struct Known {
    std::uint64_t octets = 0;
    WallTime last{};  ///< when the last line was written
  };

  [[nodiscard]] Result<> open();
  [[nodiscard]] Result<> make_room(WallTime now, std::uint64_t octets);
  [[nodiscard]] Result<> remove_oldest();
  [[nodiscard]] Result<> begin_file();
  [[nodiscard]] Result<> find_lines(std::uint64_t number, std::string_view key, std::vector<std::string>& found);

  world::Disk& disk_;
  HistoryFilesSettings settings_;
  std::mutex mutex_;
  std::unique_ptr<world::Folder> folder_;
  std::map<std::uint64_t, Known> known_;  // by number
  std::uint64_t total_ = 0;
  std::uint64_t next_number_ = 1;
  std::unique_ptr<world::File> file_;  // the newest, while it is written to
  std::uint64_t written_ = 0;          // to it
};

}  // namespace posthorn::store
