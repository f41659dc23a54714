// What a listener is for: the one property of a socket that decides who may send where (rules/relay_rules.hpp).
#pragma once

#include <cstdint>

namespace posthorn::rules {

enum class ListenerRole : std::uint8_t {
  mx,          ///< anyone may send to our domains, nobody may relay
  relay,       ///< clients here may send anywhere
  submission,  ///< clients must authenticate (RFC 6409 §4.3); then they may send anywhere
};

}  // namespace posthorn::rules
