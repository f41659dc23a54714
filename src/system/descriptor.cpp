#include "system/descriptor.hpp"

#include <unistd.h>

namespace posthorn::system {

void Descriptor::reset() {
  if (is_open()) ::close(release());
}

}  // namespace posthorn::system
