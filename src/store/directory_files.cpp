#include "store/directory_files.hpp"

#include "base/clean_text.hpp"
#include "rules/recipient_router.hpp"
#include "store/aliases.hpp"
#include "store/users.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace posthorn::store {
namespace {

class DirectoryLoader {
 public:
  DirectoryLoader(world::Disk& disk, const DirectorySettings& settings) : disk_(disk), settings_(settings) {}

  Result<LoadedDirectory> run() {
    rules::Directory::Parts parts{.domains = settings_.domains,
                                  .own_addresses = settings_.own_addresses,
                                  .users = {},
                                  .aliases = {},
                                  .patterns = {},
                                  .separator = settings_.separator};
    if (auto read = read_users(parts); !read) return failure(std::move(read.error()));
    if (auto read = read_aliases(parts); !read) return failure(std::move(read.error()));
    loaded_.directory = std::make_shared<const rules::Directory>(std::move(parts));
    return std::move(loaded_);
  }

 private:
  Result<> read_users(rules::Directory::Parts& parts) {
    auto text = read(settings_.users_file, max_users_file_octets);
    if (!text) return failure(std::move(text.error()).context("reading the users"));
    auto list = parse_users(*text, settings_.users_file);
    add_faults(std::move(list.faults));
    for (auto& user : list.users) {
      if (!is_ours(user.name)) {
        loaded_.faults.push_back(
            {settings_.users_file, user.line, user.name.text() + ": its domain is not one of ours"});
      }
      parts.users.push_back(std::move(user.name));
    }
    return {};
  }

  Result<> read_aliases(rules::Directory::Parts& parts) {
    if (settings_.aliases_file.empty()) return {};
    auto text = read(settings_.aliases_file, AliasLimits{}.file_octets);
    if (!text) return failure(std::move(text.error()).context("reading the aliases"));
    auto list = parse_aliases(*text, settings_.aliases_file, [this](const auto& path) { return read_include(path); });
    parts.aliases = std::move(list.aliases);
    parts.patterns = std::move(list.patterns);
    add_faults(std::move(list.faults));
    return {};
  }

  [[nodiscard]] bool is_ours(const mail::UserName& name) const {
    return name.domain().empty() || std::ranges::find(settings_.domains, name.domain()) != settings_.domains.end();
  }

  /// The file's text; none where there is no file.
  Result<std::string> read(const std::string& path, std::uint64_t limit) {
    auto file = read_text_file(disk_, path, limit);
    if (file) {
      loaded_.marks.push_back(std::move(file->mark));
      return std::move(file->text);
    }
    if (file.error().kind != Error::Kind::not_found) return failure(std::move(file.error()));
    loaded_.marks.push_back({.path = path});
    loaded_.missing.push_back(path);
    return std::string();
  }

  Result<std::string> read_include(const std::string& path) {
    auto file = read_text_file(disk_, path, AliasLimits{}.file_octets);
    loaded_.marks.push_back(file ? file->mark : mark_of(disk_, path));
    if (!file) return failure(std::move(file.error()));
    return std::move(file->text);
  }

  void add_faults(std::vector<FileFault> faults) { std::ranges::move(faults, std::back_inserter(loaded_.faults)); }

  world::Disk& disk_;
  const DirectorySettings& settings_;
  LoadedDirectory loaded_;
};

/// An address that the alias answers to: of its own domain, or of our first.
std::string example_address(const std::string& key, const rules::Directory& directory) {
  if (key.starts_with('@')) return "anyone" + key;
  return key.contains('@') ? key : key + "@" + directory.primary_domain();
}

std::vector<std::string> faults_of_alias(const std::string& key, const rules::Directory& directory) {
  const auto address = mail::Address::parse(example_address(key, directory));
  if (!address) return {};  // a name that must be quoted; its targets are judged when they are used
  if (!directory.is_local_domain(address->domain())) return {"its domain is not one of ours"};
  const auto resolution = rules::resolve(*address, directory);
  if (const auto* routed = std::get_if<rules::Routed>(&resolution)) return routed->faults;
  if (const auto* broken = std::get_if<rules::BrokenAlias>(&resolution)) return {broken->why};
  return {};
}

}  // namespace

Result<LoadedDirectory> load_directory(world::Disk& disk, const DirectorySettings& settings) {
  return DirectoryLoader(disk, settings).run();
}

bool has_changed(world::Disk& disk, std::span<const FileMark> marks) {
  return std::ranges::any_of(marks, [&](const FileMark& mark) { return mark_of(disk, mark.path) != mark; });
}

std::vector<FileFault> judge_directory(const rules::Directory& directory, const DirectorySettings& settings) {
  std::vector<FileFault> faults;
  for (const auto& [key, alias] : directory.aliases()) {
    if (alias.targets.empty()) continue;  // a fault of its line
    for (auto& why : faults_of_alias(key, directory)) {
      faults.push_back({settings.aliases_file, alias.line, LogText(key).text() + ": " + std::move(why)});
    }
  }
  std::ranges::sort(faults, {}, [](const FileFault& fault) { return std::tie(fault.line, fault.text); });
  return faults;
}

}  // namespace posthorn::store
