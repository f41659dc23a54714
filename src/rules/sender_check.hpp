// Which senders an authenticated user may name (rules/sender_rules.hpp).
#pragma once

#include <cstdint>

namespace posthorn::rules {

enum class SenderCheck : std::uint8_t {
  own,    ///< addresses whose mail the user receives
  local,  ///< any address in our domains
  off,
};

}  // namespace posthorn::rules
