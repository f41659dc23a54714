#include "store/drop_folder.hpp"

#include "store/drop_box.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::store {
namespace {

bool is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::string claim_file(const std::string& letter, MessageId id) { return letter + "." + id.to_string(); }

/// What a file in a box is by its name.
struct BoxFile {
  std::string letter;
  std::optional<MessageId> claim{};  ///< it is a claim on that letter
};

/// None: another file.
std::optional<BoxFile> parse_name(const std::string& file) {
  if (file.size() < drop_name_digits || !std::ranges::all_of(file.substr(0, drop_name_digits), is_hexadecimal)) {
    return std::nullopt;
  }
  BoxFile found{.letter = file.substr(0, drop_name_digits)};
  if (file.size() == drop_name_digits) return found;
  found.claim = MessageId::parse(std::string_view(file).substr(drop_name_digits + 1));
  const bool is_claim = found.claim && claim_file(found.letter, *found.claim) == file;
  return is_claim ? std::optional{std::move(found)} : std::nullopt;
}

/// Puts claims to their letters; those that have none go.
void join(world::Folder& box, std::vector<DropName>& letters, const std::vector<BoxFile>& claims) {
  for (const auto& claim : claims) {
    const auto letter = std::ranges::lower_bound(letters, claim.letter, {}, &DropName::letter);
    if (letter != letters.end() && letter->letter == claim.letter) {
      letter->claims.push_back(*claim.claim);
    } else {
      static_cast<void>(box.remove(claim_file(claim.letter, *claim.claim)));
    }
  }
}

/// The beginning of a letter with all of its envelope, which is short in most.
Result<std::string> read_head(world::File& file) {
  constexpr std::size_t usual_octets = 16U << 10;
  std::string head;
  for (const auto octets : {usual_octets, most_drop_head_octets}) {
    head.resize(octets);
    const auto count = file.read_at(0, head);
    if (!count) return failure(count.error());
    head.resize(*count);
    if (head.contains("\n\n")) break;
  }
  return head;
}

}  // namespace

Result<DropFolder> DropFolder::open(world::Disk& disk, const std::string& path) {
  auto folder = disk.make_root(path, drop_folder_mode);
  if (!folder) return failure(std::move(folder.error()));
  DropFolder drop(std::move(*folder), Settings{});
  drop.path_ = path;
  return drop;
}

Result<std::unique_ptr<world::Folder>> DropFolder::open_box(const std::string& box) {
  return folder_->open_folder(box);
}

Result<DropFinds> DropFolder::find(Which which, WallTime now) {
  auto entries = folder_->list();
  if (!entries) return failure(std::move(entries.error()));
  DropFinds finds;
  std::size_t boxes = 0;
  for (const auto& entry : *entries) {
    if (entry.type != world::EntryType::folder) continue;
    if (++boxes > settings_.boxes) {
      finds.faults.push_back(
          fmt::format("{}: more than {} folders; the rest is not looked at", path_, settings_.boxes));
      break;
    }
    if (const auto looked = look_into(entry.name, which, now, finds); !looked)
      finds.faults.push_back(looked.error().text);
  }
  return finds;
}

Result<> DropFolder::look_into(const std::string& box, Which which, WallTime now, DropFinds& finds) {
  const auto folder = open_box(box);
  if (!folder) return failure(folder.error());
  const auto facts = (*folder)->facts();
  if (!facts) return failure(facts.error());
  if (facts->size > settings_.folder_octets) {
    return failure(Error::Kind::invalid, (*folder)->path() + ": too many files to read their list");
  }
  const auto entries = (*folder)->list();
  if (!entries) return failure(entries.error());
  std::vector<DropName> letters;
  std::vector<BoxFile> claims;
  for (const auto& entry : *entries) {
    if (entry.type != world::EntryType::file) continue;
    if (auto file = parse_name(entry.name); file && file->claim) {
      claims.push_back(std::move(*file));
    } else if (file) {
      letters.push_back({.box = box, .letter = std::move(file->letter)});
    } else if (entry.name.ends_with(unfinished_ending)) {
      const auto facts_of_it = (*folder)->facts(entry.name);
      const auto age = now - WallTime{std::chrono::duration_cast<WallTime::duration>(
                                 std::chrono::nanoseconds{facts_of_it ? facts_of_it->modified_ns : 0})};
      if (facts_of_it && age > settings_.unfinished_life) static_cast<void>((*folder)->remove(entry.name));
    }
  }
  std::ranges::sort(letters, {}, &DropName::letter);
  join(**folder, letters, claims);
  if (which == Which::claimed) std::erase_if(letters, [](const DropName& name) { return name.claims.empty(); });
  if (which == Which::next && letters.size() > settings_.per_box) letters.resize(settings_.per_box);
  std::ranges::move(letters, std::back_inserter(finds.letters));
  return {};
}

Result<OpenDropLetter> DropFolder::open_letter(const DropName& name) {
  const auto box = open_box(name.box);
  if (!box) return failure(box.error());
  const auto box_facts = (*box)->facts();
  if (!box_facts) return failure(box_facts.error());
  auto file = (*box)->open_file(name.letter, false);
  if (!file) return failure(std::move(file.error()));
  const auto facts = (*file)->facts();
  if (!facts) return failure(facts.error());
  // A second name would be a file of somebody else's that was linked into the box.
  if (facts->links != 1) return failure(Error::Kind::not_permitted, name.text() + ": the file has several names");
  if (facts->user != box_facts->user)
    return failure(Error::Kind::not_permitted, name.text() + ": not of its box's owner");
  const auto head = read_head(**file);
  if (!head) return failure(head.error());
  auto letter = parse_drop_letter(*head);
  if (!letter) return failure(std::move(letter.error()).context(name.text()));
  return OpenDropLetter{
      .letter = std::move(*letter), .file = std::move(*file), .octets = facts->size, .owner = facts->user};
}

Result<DropName> DropFolder::claim(DropName name, MessageId id) {
  const auto box = open_box(name.box);
  if (!box) return failure(box.error());
  const auto file = (*box)->create_file(claim_file(name.letter, id), 0600);
  if (!file) return failure(file.error());
  if (auto closed = (*file)->close(); !closed) return failure(closed.error());
  if (auto synced = (*box)->sync(); !synced) return failure(synced.error());
  name.claims.push_back(id);
  return name;
}

Result<> DropFolder::remove(const DropName& name) {
  const auto box = open_box(name.box);
  if (!box) return failure(box.error());
  auto removed = (*box)->remove(name.letter);
  if (!removed && removed.error().kind != Error::Kind::not_found) return removed;
  if (auto synced = (*box)->sync(); !synced) return synced;
  // A claim that is left over goes at the next look.
  for (const auto claim : name.claims) static_cast<void>((*box)->remove(claim_file(name.letter, claim)));
  return {};
}

Result<> DropFolder::set_aside(const DropName& name) {
  const auto box = open_box(name.box);
  if (!box) return failure(box.error());
  auto renamed = (*box)->rename(name.letter, **box, name.letter + std::string(set_aside_ending), true);
  return renamed ? (*box)->sync() : renamed;
}

}  // namespace posthorn::store
