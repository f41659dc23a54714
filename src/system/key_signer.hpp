// KeySigner: somebody who has the private keys and signs with them on demand. Any thread; may block for a short while.
#pragma once

#include "system/keys_wire.hpp"

#include <string>

namespace posthorn::system {

class KeySigner {
 public:
  KeySigner() = default;
  KeySigner(const KeySigner&) = delete;
  KeySigner& operator=(const KeySigner&) = delete;
  virtual ~KeySigner() = default;

  virtual Result<std::string> sign(const SignRequest& request) = 0;
};

}  // namespace posthorn::system
