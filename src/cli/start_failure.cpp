#include "cli/start_failure.hpp"

#include <utility>

namespace posthorn::cli {

StartFailure start_failure(Error error, ExitStatus otherwise) {
  auto status = otherwise;
  if (error.kind == Error::Kind::not_permitted || error.kind == Error::Kind::is_link)
    status = ExitStatus::no_permission;
  if (error.kind == Error::Kind::in_use) status = ExitStatus::temporary;
  if (error.kind == Error::Kind::unsupported) status = ExitStatus::configuration;
  return {status, std::move(error)};
}

std::unexpected<StartFailure> fail_start(Error error, ExitStatus otherwise) {
  return std::unexpected(start_failure(std::move(error), otherwise));
}

}  // namespace posthorn::cli
