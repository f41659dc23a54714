#include "store/maildir_census.hpp"

#include <algorithm>

namespace posthorn::store {
namespace {

using world::EntryType;
using world::Folder;

/// What is gone meanwhile, or is no folder of ours, holds nothing.
bool is_nothing(const Error& error) {
  using enum Error::Kind;
  return error.kind == not_found || error.kind == is_link || error.kind == invalid;
}

/// None: it is gone meanwhile.
Result<std::optional<std::uint64_t>> size_of(Folder& folder, const world::Entry& entry) {
  if (const auto size = size_in_name(entry.name)) return size;
  const auto facts = folder.facts(entry.name);
  if (facts) return std::optional{facts->size};
  if (is_nothing(facts.error())) return std::nullopt;
  return failure(facts.error());
}

Result<> add(Folder& folder, MailboxUse& use) {
  const auto entries = folder.list();
  if (!entries) return failure(entries.error());
  for (const auto& entry : *entries) {
    if (entry.type != EntryType::file || entry.name.starts_with('.')) continue;
    const auto size = size_of(folder, entry);
    if (!size) return failure(size.error());
    if (!*size) continue;
    use.octets += **size;
    ++use.mails;
  }
  return {};
}

}  // namespace

Result<> MaildirCensus::each_of(Folder& folder, const Visit& visit) {
  for (const std::string_view name : {"new", "cur"}) {
    const auto held = folder.open_folder(name);
    if (!held && is_nothing(held.error())) continue;
    if (!held) return failure(held.error());
    if (auto visited = visit(**held); !visited) return visited;
  }
  return {};
}

Result<> MaildirCensus::each_folder(const Visit& visit) {
  if (auto visited = each_of(base_, visit); !visited) return visited;
  const auto entries = base_.list();
  if (!entries) return failure(entries.error());
  for (const auto& entry : *entries) {
    if (entry.type != EntryType::folder || !entry.name.starts_with('.')) continue;
    const auto folder = base_.open_folder(entry.name);
    if (!folder && is_nothing(folder.error())) continue;
    if (!folder) return failure(folder.error());
    if (auto visited = each_of(**folder, visit); !visited) return visited;
  }
  return {};
}

Result<MailboxUse> MaildirCensus::count() {
  MailboxUse use;
  const auto counted = each_folder([&use](Folder& folder) { return add(folder, use); });
  if (!counted) return failure(counted.error());
  return use;
}

Result<std::optional<std::int64_t>> MaildirCensus::last_change() {
  std::int64_t last = 0;
  const auto looked = each_folder([&last](Folder& folder) -> Result<> {
    const auto facts = folder.facts();
    if (!facts) return failure(facts.error());
    last = std::max(last, facts->modified_ns);
    return {};
  });
  if (!looked) return failure(looked.error());
  return std::optional{last};
}

}  // namespace posthorn::store
