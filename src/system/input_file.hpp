// A file that a person named on the command line, to be read as often as need be: links are followed, and what can be read
// only once (a pipe, a terminal, standard input) is first copied to a file without a name.
#pragma once

#include "base/result.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace posthorn::system {

struct InputFile {
  std::unique_ptr<world::File> file;
  std::uint64_t size = 0;  ///< octets
  std::string name;        ///< without folders; empty: standard input
};

inline constexpr std::uint64_t most_copied_octets = std::uint64_t{1} << 30;  // a pipe may have no end

/// `-` is standard input. Errors: not_found, not_permitted, invalid (a folder; more to copy than `most_copied`), no_space (for
/// the copy), io.
[[nodiscard]] Result<InputFile> open_input(const std::string& path, std::uint64_t most_copied = most_copied_octets);

/// A path that means the same wherever the process stands later.
[[nodiscard]] Result<std::string> absolute_path(const std::string& path);

}  // namespace posthorn::system
