// What fails its check is copied to `corrupt/` as far as it can be read, named and logged (F7, F9), so that an operator can
// look at it while the rest goes on. A place that is there already is left alone. Blocks. Inner to the spool.
#pragma once

#include "base/message_id.hpp"
#include "store/body_files.hpp"
#include "world/disk.hpp"
#include "world/log.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::store {

class SpoolQuarantine {
 public:
  /// Without a folder it keeps nothing: for looking only.
  SpoolQuarantine(std::unique_ptr<world::Folder> folder, world::Log& log) : folder_(std::move(folder)), log_(log) {}

  struct Place {
    world::File& file;
    std::string_view file_name;
    std::uint64_t offset = 0;
    std::uint64_t octets = 0;
  };
  /// The record of a message: its envelope or its text.
  void keep_record(MessageId id, const Place& place, std::string_view what);
  /// Octets of a segment in which no record was found.
  void keep_gap(std::uint64_t generation, const Place& place);
  /// A body file: moved here.
  void keep_body(MessageId id, BodyFiles& bodies, std::string_view what);

 private:
  bool copy(const Place& place, const std::string& name);
  void report(const Place& place, const std::string& name, std::string_view what, bool is_kept);

  std::unique_ptr<world::Folder> folder_;
  world::Log& log_;
};

}  // namespace posthorn::store
