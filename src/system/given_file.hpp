// GivenFile: an open file that another process opened for us, and that may change under our hands: written anew in its place,
// or replaced by another of its name, which we cannot open ourselves.
#pragma once

#include "base/result.hpp"
#include "system/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace posthorn::system {

class GivenFile {
 public:
  enum class State : std::uint8_t {
    as_read,
    changed,  ///< read it again
    gone,     ///< no name leads to it any more: there is a new one
  };

  GivenFile() = default;
  /// `name` is for errors.
  GivenFile(Descriptor file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

  /// Without a file an empty text. Errors: invalid (longer than `most`, or no regular file), io.
  [[nodiscard]] Result<std::string> read(std::size_t most);
  /// Without a file `as_read`.
  [[nodiscard]] State look() const;

 private:
  struct Facts {
    std::int64_t size = -1;
    std::int64_t modified_ns = 0;
    bool operator==(const Facts&) const = default;
  };

  Descriptor file_;
  std::string name_;
  Facts read_;
};

}  // namespace posthorn::system
