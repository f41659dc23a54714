// Result<T>: what an operation that may fail returns. An Error says which kind of failure it was, for code that decides
// by it, and a chain of context in words for the person who reads the log ("open /var/…/segment: no space left").
// A mail outcome (450, bounced, SPF fail) is not an Error but an ordinary value.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn {

struct [[nodiscard]] Error {
  enum class Kind {
    ended,           ///< the peer ended the stream, or the file ended early
    timed_out,       ///< the deadline passed
    closed,          ///< our own side closed it (shutdown)
    interrupted,     ///< the wait was ended on purpose; try again or go another way
    refused,         ///< connection refused
    reset,           ///< connection broken
    unreachable,     ///< no route, network down
    in_use,          ///< address or lock held by another
    no_space,        ///< disk, quota of the file system, or inodes used up
    over_quota,      ///< the owner's quota is used up
    read_only,       ///< read-only file system
    io,              ///< the device failed
    too_many_files,  ///< no descriptor left
    no_memory,
    not_found,
    exists,
    not_permitted,
    is_link,  ///< a symbolic link where none may be
    invalid,  ///< malformed input or argument
    corrupt,  ///< stored bytes fail their check
    unsupported,
    tls,  ///< handshake or verification failed
    other,
  };

  Kind kind = Kind::other;
  std::string text;

  /// The same failure, seen from one step further out: "doing: text".
  [[nodiscard]] Error context(std::string_view doing) && {
    text.insert(0, ": ");
    text.insert(0, doing);
    return std::move(*this);
  }
};

template <class T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> failure(Error::Kind kind, std::string text) {
  return std::unexpected<Error>(Error{kind, std::move(text)});
}

[[nodiscard]] inline std::unexpected<Error> failure(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace posthorn
