// Names of folders in a Maildir (Maildir++): a folder "lists.work" is the folder ".lists.work" beside new and cur; what is
// not ASCII stands in the modified UTF-7 of RFC 3501 §5.1.3, as IMAP servers write it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::store {

/// The folder of that name, dots between its levels, UTF-8. None: no folder can have it (empty levels, "/", control
/// characters, too long); it is the INBOX, which has none of its own, for "inbox" in any case.
[[nodiscard]] std::optional<std::string> maildir_folder_name(std::string_view name);

}  // namespace posthorn::store
