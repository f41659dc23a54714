#include "store/drop_box.hpp"

#include "store/drop_letter.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace posthorn::store {
namespace {

constexpr unsigned state_mode = 0711;
/// Only who may enter the box reaches it: the server, which does not own it, reads it by this.
constexpr unsigned letter_mode = 0644;
constexpr int usual_names = 10;

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos || slash == 0 ? std::string{} : path.substr(0, slash);
}

Result<std::unique_ptr<world::Folder>> open_or_make(world::Disk& disk, const std::string& path) {
  auto folder = disk.open_root(path);
  if (folder || folder.error().kind != Error::Kind::not_found) return folder;
  if (const auto parent = parent_of(path); !parent.empty()) {
    if (const auto made = disk.make_root(parent, state_mode); !made) return failure(made.error());
  }
  return disk.make_root(path, drop_folder_mode);
}

/// The folder of that name, made if it is not there. None: somebody else has it, or the server could not work in it.
Result<std::optional<std::unique_ptr<world::Folder>>> own_folder(world::Folder& drop, const std::string& name,
                                                                 unsigned user) {
  const auto made = drop.make_folder(name, drop_box_mode);
  if (!made && made.error().kind != Error::Kind::exists) return failure(made.error());
  if (made) {
    if (const auto synced = drop.sync(); !synced) return failure(synced.error());
  }
  auto folder = drop.open_folder(name);
  if (!folder) return std::nullopt;
  const auto facts = (*folder)->facts();
  if (!facts) return failure(facts.error());
  const bool is_good = facts->user == user && (facts->mode & drop_box_mode) == drop_box_mode;
  return is_good ? std::optional{std::move(*folder)} : std::nullopt;
}

}  // namespace

Result<DropBox> DropBox::open(world::Disk& disk, const std::string& path, unsigned user, world::Random& random) {
  auto drop = open_or_make(disk, path);
  if (!drop) return failure(std::move(drop.error()));
  for (int number = 0; number <= usual_names; ++number) {
    const auto name = number == 0             ? fmt::format("{}", user)
                      : number == usual_names ? fmt::format("{}.{:016x}", user, random.next())
                                              : fmt::format("{}.{}", user, number);
    auto folder = own_folder(**drop, name, user);
    if (!folder) return failure(std::move(folder.error()));
    if (*folder) return DropBox(std::move(**folder));
  }
  return failure(Error::Kind::in_use, path + ": others hold the names that this account's folder there could have");
}

Result<DropWriter> DropBox::begin(const mail::Envelope& envelope, WallTime now, world::Random& random) {
  auto name = fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(now.time_since_epoch().count()), random.next());
  auto file = folder_->create_file(name + std::string(unfinished_ending), letter_mode);
  if (!file) return failure(std::move(file.error()));
  DropWriter writer(folder_, std::move(*file), std::move(name));
  if (auto begun = writer.append(drop_head(envelope)); !begun) return failure(std::move(begun.error()));
  return writer;
}

DropWriter::DropWriter(std::shared_ptr<world::Folder> folder, std::unique_ptr<world::File> file, std::string name)
    : folder_(std::move(folder)), file_(std::move(file)), name_(std::move(name)) {}

DropWriter::~DropWriter() {
  if (file_ != nullptr && !is_over_) static_cast<void>(folder_->remove(name_ + std::string(unfinished_ending)));
}

Result<> DropWriter::append(std::string_view octets) {
  if (auto written = file_->write_at(octets_, octets); !written) return written;
  octets_ += octets.size();
  return {};
}

Result<> DropWriter::finish() {
  if (auto synced = file_->sync_data(); !synced) return synced;
  if (auto closed = file_->close(); !closed) return closed;
  if (auto named = folder_->rename(name_ + std::string(unfinished_ending), *folder_, name_, false); !named)
    return named;
  is_over_ = true;
  return folder_->sync();
}

}  // namespace posthorn::store
