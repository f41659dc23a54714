#include "sim/disk.hpp"

#include "sim/disk_state.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::sim {
namespace {

using world::EntryType;

std::string last_name(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

void list_tree(const DiskNode& folder, const std::string& path, std::vector<std::string>& into) {
  for (const auto& [name, child] : folder.names) {
    const auto here = join(path, name);
    const bool is_folder = child->type == EntryType::folder;
    into.push_back(is_folder ? here + "/" : here);
    if (is_folder) list_tree(*child, here, into);
  }
}

/// Enters the node under the path; replaces what was there. False: there is no such folder.
bool plant_at(DiskState& state, const std::string& path, DiskNodePointer node) {
  const auto folder = state.parent_of(path);
  if (folder == nullptr) return false;
  state.plant(folder, last_name(path), std::move(node));
  return true;
}

}  // namespace

std::string_view to_text(DiskOperation operation) {
  using enum DiskOperation;
  switch (operation) {
    case open_root:
      return "open_root";
    case make_root:
      return "make_root";
    case open_file:
      return "open_file";
    case create_file:
      return "create_file";
    case open_folder:
      return "open_folder";
    case make_folder:
      return "make_folder";
    case rename:
      return "rename";
    case remove:
      return "remove";
    case list:
      return "list";
    case facts:
      return "facts";
    case sync_folder:
      return "sync_folder";
    case lock:
      return "lock";
    case set_owner:
      return "set_owner";
    case free_space:
      return "free_space";
    case read:
      return "read";
    case write:
      return "write";
    case sync_data:
      return "sync_data";
    case size:
      return "size";
    case truncate:
      return "truncate";
    case close:
      return "close";
  }
  return "";
}

bool is_change(DiskOperation operation) {
  using enum DiskOperation;
  switch (operation) {
    case make_root:
    case create_file:
    case make_folder:
    case rename:
    case remove:
    case sync_folder:
    case lock:
    case set_owner:
    case write:
    case sync_data:
    case truncate:
      return true;
    case open_root:
    case open_file:
    case open_folder:
    case list:
    case facts:
    case free_space:
    case read:
    case size:
    case close:
      return false;
  }
  return false;
}

std::string_view to_text(CrashMode mode) {
  switch (mode) {
    case CrashMode::ordered:
      return "ordered";
    case CrashMode::prefix:
      return "prefix";
    case CrashMode::reordered:
      return "reordered";
    case CrashMode::delayed_allocation:
      return "delayed_allocation";
  }
  return "";
}

Disk::Disk(DiskSettings settings, const world::Clock* clock) : state_(std::make_shared<DiskState>(settings, clock)) {}
Disk::Disk(Made /*key*/, std::shared_ptr<DiskState> state) : state_(std::move(state)) {}
Disk::~Disk() = default;

Result<std::unique_ptr<world::Folder>> Disk::open_root(const std::string& path) {
  if (auto begun = state_->begin(DiskOperation::open_root, state_->life(), path); !begun) return failure(begun.error());
  auto node = state_->find(path);
  if (node == nullptr) return failure(state_->fail(Error::Kind::not_found, path, "not found"));
  if (node->type != EntryType::folder) return failure(state_->fail(Error::Kind::invalid, path, "is no folder"));
  if (!state_->may(*node, 1U)) return failure(state_->fail(Error::Kind::not_permitted, path, "not permitted"));
  if (!state_->has_descriptor()) return failure(state_->fail(Error::Kind::too_many_files, path, "too many files open"));
  return open_folder_handle(state_, std::move(node), path);
}

Result<std::unique_ptr<world::Folder>> Disk::make_root(const std::string& path, unsigned mode) {
  if (auto begun = state_->begin(DiskOperation::make_root, state_->life(), path); !begun) return failure(begun.error());
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end < path.size() && path[end] != '/') continue;
    const auto part = path.substr(0, end);
    if (part.ends_with('/') || state_->find(part) != nullptr) continue;
    if (!plant_at(*state_, part, state_->make_node(EntryType::folder, end == path.size() ? mode : 0755U))) {
      return failure(state_->fail(Error::Kind::invalid, part, "a parent is no folder"));
    }
  }
  return open_root(path);
}

std::uint64_t Disk::operations() const { return state_->operations_; }
void Disk::cut_power_at(std::uint64_t n) { state_->cut_at_ = n; }
void Disk::cut_power() { state_->off_ = true; }
bool Disk::power_is_off() const { return state_->off_; }
void Disk::reboot(CrashChoice& choice) { state_->become(*state_->survivors(choice)); }
std::unique_ptr<Disk> Disk::after_power_cut(CrashChoice& choice) const {
  return std::make_unique<Disk>(Made{}, state_->survivors(choice));
}

std::uint64_t Disk::hash() const { return state_->hash(); }

void Disk::restart() { state_->begin_new_life(); }

void Disk::plan(DiskFault fault) { state_->plan_.push_back(std::move(fault)); }
void Disk::forget_plan() { state_->plan_.clear(); }
void Disk::set_odds(const DiskOdds& odds) { state_->settings_.odds = odds; }
void Disk::set_capacity(std::uint64_t octets) { state_->settings_.capacity = octets; }
void Disk::set_open_limit(std::uint64_t handles) { state_->settings_.open_limit = handles; }
void Disk::set_account(unsigned user, unsigned group) {
  state_->settings_.user = user;
  state_->settings_.group = group;
}

bool Disk::plant_file(const std::string& path, std::string_view bytes, unsigned mode) {
  auto node = state_->make_node(EntryType::file, mode);
  node->bytes = node->durable_bytes = bytes;
  static_cast<void>(state_->allocate(*node, 0, bytes.size()));
  return plant_at(*state_, path, std::move(node));
}

bool Disk::plant_folder(const std::string& path, unsigned mode) {
  return plant_at(*state_, path, state_->make_node(EntryType::folder, mode));
}

bool Disk::plant_link(const std::string& path, const std::string& target) {
  auto node = state_->make_node(EntryType::link, 0777);
  node->target = target;
  return plant_at(*state_, path, std::move(node));
}

bool Disk::plant_hard_link(const std::string& path, const std::string& existing) {
  auto node = state_->find(existing);
  return node != nullptr && plant_at(*state_, path, std::move(node));
}

bool Disk::change_owner(const std::string& path, unsigned user, unsigned group) {
  const auto node = state_->find(path);
  if (node == nullptr) return false;
  node->owner = node->durable_owner = {user, group};
  return true;
}

bool Disk::change_mode(const std::string& path, unsigned mode) {
  const auto node = state_->find(path);
  if (node == nullptr) return false;
  node->mode = mode;
  return true;
}

bool Disk::erase(const std::string& path) { return state_->find(path) != nullptr && plant_at(*state_, path, nullptr); }

bool Disk::move(const std::string& from, const std::string& to) {
  auto node = state_->find(from);
  return node != nullptr && plant_at(*state_, to, node) && plant_at(*state_, from, nullptr);
}

bool Disk::corrupt(const std::string& path, std::uint64_t offset, std::string_view bytes) {
  const auto node = state_->find(path);
  if (node == nullptr || node->type != EntryType::file || offset + bytes.size() > node->bytes.size()) return false;
  const UnsyncedWrite rot{offset, std::string(bytes), false};
  rot.apply(node->bytes);
  if (offset + bytes.size() <= node->durable_bytes.size()) rot.apply(node->durable_bytes);
  return true;
}

std::optional<std::string> Disk::contents(const std::string& path) const {
  const auto node = state_->find(path);
  if (node == nullptr || node->type != EntryType::file) return std::nullopt;
  return node->bytes;
}

std::vector<std::string> Disk::tree(const std::string& path) const {
  std::vector<std::string> names;
  if (const auto node = state_->find(path)) list_tree(*node, path, names);
  return names;
}

std::uint64_t Disk::used_octets() const { return state_->used_blocks_ * state_->settings_.block; }
std::uint64_t Disk::open_handles() const { return state_->open_; }
Duration Disk::take_elapsed() { return std::exchange(state_->elapsed_, Duration{}); }
void Disk::on_operation(std::function<void(const DiskEvent&)> hook) { state_->hook_ = std::move(hook); }

std::string Disk::trace() const {
  std::string text;
  for (const auto& line : state_->trace_) (text += line) += '\n';
  return text;
}

}  // namespace posthorn::sim
