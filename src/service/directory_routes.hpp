// DirectoryRoutes: where an accepted recipient's mail goes, by the directory and the routing of now. Aliases are not followed again: they
// were replaced when the message was accepted.
#pragma once

#include "mail/user_name.hpp"
#include "rules/directory.hpp"
#include "rules/routing.hpp"
#include "service/directory_source.hpp"
#include "service/groups.hpp"

#include <optional>

namespace posthorn::service {

/// The user into whose mailbox a final recipient's mail goes: by name, by name without its tag, or as the postmaster.
[[nodiscard]] std::optional<mail::UserName> mailbox_of(const mail::Address& recipient,
                                                       const rules::Directory& directory);

class DirectoryRoutes final : public Routes {
 public:
  /// Both outlive it.
  DirectoryRoutes(const DirectorySource& source, const Snapshot<rules::Routing>& routing)
      : source_(source), routing_(routing) {}

  [[nodiscard]] Destination destination_of(const mail::Address& recipient) const override;

 private:
  const DirectorySource& source_;
  const Snapshot<rules::Routing>& routing_;
};

}  // namespace posthorn::service
