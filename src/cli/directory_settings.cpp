#include "cli/directory_settings.hpp"

namespace posthorn::cli {

store::DirectorySettings directory_settings(const config::Configuration& configuration) {
  store::DirectorySettings settings{.users_file = configuration.mailbox.users,
                                    .aliases_file = configuration.mailbox.aliases,
                                    .domains = configuration.domains,
                                    .own_addresses = {},
                                    .separator = configuration.mailbox.separator};
  for (const auto& listener : configuration.listeners) {
    for (const auto& endpoint : listener.addresses) {
      if (!endpoint.address.is_unspecified()) settings.own_addresses.push_back(endpoint.address);
    }
  }
  return settings;
}

}  // namespace posthorn::cli
