#include "cli/error_status.hpp"

namespace posthorn::cli {

ExitStatus status_of(const Error& error) {
  switch (error.kind) {
    case Error::Kind::not_found:
    case Error::Kind::is_link:
      return ExitStatus::no_input;
    case Error::Kind::not_permitted:
      return ExitStatus::no_permission;
    case Error::Kind::in_use:
    case Error::Kind::timed_out:
    case Error::Kind::interrupted:
    case Error::Kind::too_many_files:
    case Error::Kind::no_memory:
      return ExitStatus::temporary;
    case Error::Kind::no_space:
    case Error::Kind::over_quota:
    case Error::Kind::read_only:
      return ExitStatus::cannot_create;
    case Error::Kind::io:
      return ExitStatus::io_fault;
    case Error::Kind::exists:
    case Error::Kind::invalid:
    case Error::Kind::corrupt:
      return ExitStatus::bad_data;
    case Error::Kind::refused:
    case Error::Kind::reset:
    case Error::Kind::unreachable:
    case Error::Kind::ended:
    case Error::Kind::closed:
    case Error::Kind::tls:
    case Error::Kind::unsupported:
      return ExitStatus::unavailable;
    case Error::Kind::other:
      return ExitStatus::system_fault;
  }
  return ExitStatus::internal;
}

}  // namespace posthorn::cli
