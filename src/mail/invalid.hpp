// How the parsers of mail/ refuse: an Error of kind `invalid` that says why and repeats nothing of the input, so that its
// text may go into a reply.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace posthorn::mail {

[[nodiscard]] inline std::unexpected<Error> invalid(std::string_view why) {
  return failure(Error::Kind::invalid, std::string(why));
}

}  // namespace posthorn::mail
