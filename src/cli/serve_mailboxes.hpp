// What the configuration says of mailboxes, as the components that fill them want it.
#pragma once

#include "config/configuration.hpp"
#include "service/forward_source.hpp"
#include "service/local_delivery_places.hpp"
#include "store/mailbox_folder.hpp"
#include "world/shared_files.hpp"

#include <memory>

namespace posthorn::cli {

/// Mailboxes that belong to this account.
[[nodiscard]] store::MailboxSettings mailbox_settings(const config::Configuration& configuration,
                                                      store::MailboxOwner account);

/// The disk and the files outlive it.
[[nodiscard]] std::unique_ptr<store::MailboxFormat> make_mailbox_format(world::Disk& disk, world::SharedFiles& files,
                                                                        const config::Configuration& configuration,
                                                                        store::MailboxOwner account);

/// The format outlives it.
[[nodiscard]] std::unique_ptr<service::LocalPlaces> make_user_mailboxes(store::MailboxFormat& format,
                                                                        const config::Configuration& configuration);

/// How the redirects of the users are read ([mailbox] forward_file); none: they have none. The disk outlives it.
[[nodiscard]] service::ForwardSource make_forward_source(world::Disk& disk, const config::Configuration& configuration,
                                                         store::MailboxOwner account);

}  // namespace posthorn::cli
