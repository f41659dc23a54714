#include "store/maildir.hpp"

#include "store/mailbox_drop.hpp"

#include <array>
#include <utility>

namespace posthorn::store {

Result<std::unique_ptr<Mailbox>> MaildirFormat::open(const MailboxTarget& target) {
  static constexpr std::array<std::string_view, 3> names{"tmp", "new", "cur"};
  auto set = folders_.open(target, names);
  if (!set) return failure(std::move(set).error());
  const FileDrop::Places places{*set->folders[0], "", *set->folders[1], *set->folders[2]};
  return std::make_unique<FileDrop>(std::move(*set), places, folders_.rights(target));
}

}  // namespace posthorn::store
