// A line of an administrator's file that cannot be used: named, so that it can be put right, and left out.
#pragma once

#include <string>

namespace posthorn::store {

struct FileFault {
  std::string file;
  unsigned line = 0;
  std::string text;  ///< what is wrong and what would be right; clean

  /// "FILE:LINE: TEXT"
  [[nodiscard]] std::string to_string() const { return file + ":" + std::to_string(line) + ": " + text; }
};

}  // namespace posthorn::store
