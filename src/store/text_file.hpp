// Text files that an administrator writes: read whole, replaced whole. Bounded; never through a link at the file's name.
// Blocking: on a worker, or in a command.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::store {

/// What tells whether a file is still the one that was read.
struct FileMark {
  std::string path;
  bool is_there = false;
  std::uint64_t inode = 0;
  std::uint64_t octets = 0;
  std::int64_t modified_ns = 0;

  bool operator==(const FileMark&) const = default;
};

struct TextFile {
  std::string text;
  FileMark mark;
  unsigned mode = 0;
};

/// Errors: not_found, not_permitted, is_link, invalid (larger than `limit` octets, or no path), io, …
[[nodiscard]] Result<TextFile> read_text_file(world::Disk& disk, const std::string& path, std::uint64_t limit);

/// The mark of what lies at the path now; a file that is not there, or cannot be looked at, has is_there = false.
[[nodiscard]] FileMark mark_of(world::Disk& disk, const std::string& path);

/// Makes a new text from the old one (empty when there is no file).
using TextChange = std::function<Result<std::string>(std::string_view)>;

struct FileOwner {
  unsigned user = 0;
  unsigned group = 0;
};

/// How a file that was not there is made; one that was keeps its rights.
struct NewFile {
  unsigned mode = 0640;
  std::optional<FileOwner> owner{};  ///< none: whoever makes it
};

struct ChangeSettings {
  NewFile fresh{};
  std::uint64_t limit = 0;                        ///< octets, of the old text
  Duration lock_wait = std::chrono::seconds{10};  ///< for others who change it
};

/// Replaces the file's text by what `change` makes of it: locked against others who do the same, all or nothing, durable
/// when it returns. Errors as above, those of `change`, and `in_use`.
[[nodiscard]] Result<> change_text_file(world::Disk& disk, const std::string& path, const ChangeSettings& settings,
                                        const TextChange& change);

}  // namespace posthorn::store
