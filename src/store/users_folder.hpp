// The folder of a user whose account is the system's, made where it is missing and given to that account: by a process that is
// root by name and may give files away, and can do nothing else in other people's folders.
#pragma once

#include "mail/user_name.hpp"
#include "store/mailbox_pending.hpp"
#include "world/disk.hpp"

namespace posthorn::store {

/// Makes <root>/<user>, durable, empty and closed to others, for the owner. A folder that is there stays as it is, whosever it is
/// and whatever it is: whether it may be used is for MailboxFolders to see, under the owner's rights. One that a crash kept
/// from being given away (root's, empty, closed to others) is given away now. Errors: those of world::Folder.
[[nodiscard]] Result<> make_users_folder(world::Folder& root, const mail::UserName& user, MailboxOwner owner);

}  // namespace posthorn::store
