// One event as one line of the log: text for people and fail2ban, or a JSON object. Whatever the fields hold, the line has
// no control character, is valid UTF-8 and has a bounded length; names come from our own literals, and are checked.
#pragma once

#include "base/time.hpp"
#include "world/log.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::system {

enum class LogFormat : std::uint8_t { text, json };

[[nodiscard]] std::string_view to_text(world::LogLevel level);

/// Without the line's end.
///   text: 2026-11-21T01:23:45.123456Z info message.accepted session=7 from=a@example.org reply="250 2.0.0 Ok"
///   json: {"time":"2026-11-21T01:23:45.123456Z","level":"info","event":"message.accepted","session":7,…}
[[nodiscard]] std::string render(WallTime time, const world::LogRecord& record, LogFormat format);

}  // namespace posthorn::system
