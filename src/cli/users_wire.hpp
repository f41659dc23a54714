// The users file on its way between the processes: the supervisor opens it, the keys process reads it, and the engine gets
// what is left without the passwords: one line for each line, with the name only.
#pragma once

#include "base/result.hpp"
#include "store/text_file.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace posthorn::cli {

/// Which file it was, in one packet.
[[nodiscard]] std::string encode(const store::FileMark& mark);
[[nodiscard]] Result<store::FileMark> decode_file_mark(std::string_view octets);

/// The users file without what stands behind the names; lines keep their numbers.
[[nodiscard]] std::string names_only(std::string_view users);

}  // namespace posthorn::cli
