#include "cli/serve_mailboxes.hpp"

#include "base/assert.hpp"
#include "store/maildir.hpp"
#include "store/mbox.hpp"
#include "store/numbered.hpp"

namespace posthorn::cli {

store::MailboxSettings mailbox_settings(const config::Configuration& configuration, store::MailboxOwner account) {
  return {.root = configuration.mailbox.root, .account = account, .quota = configuration.mailbox.quota};
}

std::unique_ptr<store::MailboxFormat> make_mailbox_format(world::Disk& disk, world::SharedFiles& files,
                                                          const config::Configuration& configuration,
                                                          store::MailboxOwner account) {
  const auto settings = mailbox_settings(configuration, account);
  using enum config::MailboxFormat;
  switch (configuration.mailbox.format) {
    case maildir:
      return std::make_unique<store::MaildirFormat>(disk, files, settings);
    case numbered:
      return std::make_unique<store::NumberedFormat>(disk, files, settings);
    case mbox:
      return std::make_unique<store::MboxFormat>(disk, files, settings);
  }
  bug("a mailbox format without a name");
}

std::unique_ptr<service::LocalPlaces> make_user_mailboxes(store::MailboxFormat& format,
                                                          const config::Configuration& configuration) {
  const auto& mailbox = configuration.mailbox;
  return std::make_unique<service::UserMailboxes>(format, service::UserMailboxes::OwnerOf{},
                                                  mailbox.tag_folders ? mailbox.separator : std::string{});
}

service::ForwardSource make_forward_source(world::Disk& disk, const config::Configuration& configuration,
                                           store::MailboxOwner account) {
  const auto& name = configuration.mailbox.forward_file;
  if (name.empty()) return {};
  const store::ForwardPlace place{configuration.mailbox.root, name, account};
  return [&disk, place](const std::string& user) -> Result<std::optional<store::Forward>> {
    const auto name_of_user = mail::UserName::parse(user);
    if (!name_of_user) return std::nullopt;
    return store::read_forward(disk, place, *name_of_user);
  };
}

}  // namespace posthorn::cli
