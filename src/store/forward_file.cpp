#include "store/forward_file.hpp"

#include "base/clean_text.hpp"
#include "store/alias_lexer.hpp"
#include "store/aliases.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::store {
namespace {

constexpr unsigned writable_by_others = 0022;
constexpr std::size_t shown_octets = 80;

bool is_own_name(const rules::AliasTarget& target, const mail::UserName& user) {
  const auto* local = std::get_if<rules::LocalTarget>(&target);
  return local != nullptr && local->local_part == user.local_part();
}

class ForwardReader {
 public:
  ForwardReader(const mail::UserName& user, const ForwardLimits& limits) : user_(user), limits_(limits) {}

  Forward read(std::string_view text) {
    for (const auto& line : logical_lines_of(text)) {
      for (const auto piece : pieces_of(line.text)) take(piece);
    }
    return std::move(forward_);
  }

 private:
  void take(std::string_view piece) {
    auto target = parse_alias_target(piece);
    if (!target) return fault(piece, target.error().text);
    if (is_own_name(*target, user_)) {
      forward_.keeps_copy = true;
    } else if (forward_.targets.size() < limits_.targets) {
      forward_.targets.push_back(std::move(*target));
    } else {
      fault(piece, "is one target too many");
    }
  }

  void fault(std::string_view piece, std::string_view why) {
    if (forward_.faults.size() < limits_.targets) {
      forward_.faults.push_back(fmt::format("\"{}\" {}", LogText(piece, shown_octets).text(), why));
    }
  }

  const mail::UserName& user_;
  const ForwardLimits& limits_;
  Forward forward_;
};

Result<std::string> read_all(world::File& file, std::uint64_t octets) {
  std::string text(octets, '\0');
  const auto size = file.read_at(0, text);
  if (!size) return failure(size.error());
  text.resize(*size);
  return text;
}

/// Whether the file is the user's own word.
Result<> check(world::Folder& folder, const ForwardPlace& place, const world::EntryFacts& facts,
               const ForwardLimits& limits) {
  const auto path = folder.path() + "/" + place.file_name;
  const auto owner = folder.facts();
  if (!owner) return failure(owner.error());
  if (facts.type != world::EntryType::file || facts.links > 1) {
    return failure(Error::Kind::is_link, path + " is no plain file with one name: it does not count");
  }
  const bool is_theirs = facts.user == owner->user || facts.user == place.account.user || facts.user == 0;
  if (!is_theirs || (facts.mode & writable_by_others) != 0) {
    return failure(
        Error::Kind::not_permitted,
        fmt::format("{} belongs to account {} and has mode {:04o}: it counts only if it is the user's and nobody "
                    "else may write it (chmod 0644)",
                    path, facts.user, facts.mode));
  }
  if (facts.size > limits.octets) {
    return failure(Error::Kind::invalid,
                   fmt::format("{} has more than {} octets: it does not count", path, limits.octets));
  }
  return {};
}

}  // namespace

Forward parse_forward(std::string_view text, const mail::UserName& user, const ForwardLimits& limits) {
  return ForwardReader(user, limits).read(text);
}

Result<std::optional<Forward>> read_forward(world::Disk& disk, const ForwardPlace& place, const mail::UserName& user,
                                            const ForwardLimits& limits) {
  auto root = disk.open_root(place.root);
  if (!root) return failure(std::move(root.error()));
  auto folder = (*root)->open_folder(user.text());
  if (!folder && folder.error().kind == Error::Kind::not_found) return std::nullopt;
  if (!folder) return failure(std::move(folder.error()));
  auto file = (*folder)->open_file(place.file_name, false);
  if (!file && file.error().kind == Error::Kind::not_found) return std::nullopt;
  if (!file) return failure(std::move(file.error()));
  const auto facts = (*file)->facts();  // of what was opened, whatever the name leads to by now
  if (!facts) return failure(facts.error());
  if (auto counts = check(**folder, place, *facts, limits); !counts) return failure(std::move(counts.error()));
  auto text = read_all(**file, facts->size);
  if (!text) return failure(std::move(text.error()));
  return parse_forward(*text, user, limits);
}

}  // namespace posthorn::store
