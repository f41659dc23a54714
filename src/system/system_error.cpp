#include "system/system_error.hpp"

#include <cstring>
#include <string>

namespace posthorn::system {

Error::Kind kind_of(int error_number) {
  using enum Error::Kind;
  switch (error_number) {
    case ETIMEDOUT:
      return timed_out;
    case ECONNREFUSED:
      return refused;
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return reset;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case ENODEV:
      return unreachable;
    case EADDRINUSE:
    case EBUSY:
      return in_use;
    case ENOSPC:
    case EFBIG:
      return no_space;
    case EDQUOT:
      return over_quota;
    case EROFS:
      return read_only;
    case EIO:
    case ESTALE:
      return io;
    case EMFILE:
    case ENFILE:
      return too_many_files;
    case ENOMEM:
    case ENOBUFS:
      return no_memory;
    case ENOENT:
      return not_found;
    case EEXIST:
    case ENOTEMPTY:
      return exists;
    case EACCES:
    case EPERM:
      return not_permitted;
    case ELOOP:
      return is_link;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
      return invalid;
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
    case ENOSYS:
    case EXDEV:
      return unsupported;
    default:
      return other;
  }
}

std::string error_text(int error_number) {
  const char* const text = ::strerrordesc_np(error_number);
  return text == nullptr ? "error " + std::to_string(error_number) : text;
}

Error system_error(std::string_view doing, int error_number) {
  return Error{kind_of(error_number), error_text(error_number)}.context(doing);
}

std::unexpected<Error> system_failure(std::string_view doing, int error_number) {
  return failure(system_error(doing, error_number));
}

}  // namespace posthorn::system
