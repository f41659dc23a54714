// ForwardSource: how a user's redirect file is read, for those who follow it and those who tell where it leads.
#pragma once

#include "base/result.hpp"
#include "store/forward_file.hpp"

#include <functional>
#include <optional>
#include <string>

namespace posthorn::service {

/// The redirect of the user of this name, if there is one. Blocking: called on a worker.
using ForwardSource = std::function<Result<std::optional<store::Forward>>(const std::string& user)>;

/// What a user can mend, and nobody else will: the file does not count, and the mail stays in the mailbox.
[[nodiscard]] inline bool does_not_count(const Error& error) {
  using enum Error::Kind;
  return error.kind == not_permitted || error.kind == is_link || error.kind == invalid;
}

}  // namespace posthorn::service
