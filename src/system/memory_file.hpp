// Texts handed from process to process in memory that is a file: too long for a packet, and on no disk.
#pragma once

#include "base/result.hpp"
#include "system/descriptor.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace posthorn::system {

/// A file in memory that holds the text and can no longer be changed by anybody.
Result<Descriptor> make_memory_file(const std::string& name, std::string_view text);

/// The whole of an open regular file or memory file, whatever its position. `name` is for errors: invalid (longer than
/// `most`, or no file), io.
Result<std::string> read_whole(const Descriptor& file, const std::string& name, std::size_t most);

/// Opens a regular file to be read here or by another process. Errors: not_found, not_permitted, invalid (no file).
Result<Descriptor> open_for_reading(const std::string& path);
/// The same; a link at the file's name is is_link.
Result<Descriptor> open_without_links(const std::string& path);

}  // namespace posthorn::system
