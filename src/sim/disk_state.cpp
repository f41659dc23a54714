#include "sim/disk_state.hpp"

#include "base/assert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::sim {
namespace {

/// Calls `visit(name)` for each name of an absolute path until it returns false.
template <class Visit>
void each_name(std::string_view path, Visit visit) {
  std::size_t start = 0;
  while (start < path.size()) {
    const auto end = std::min(path.find('/', start), path.size());
    if (end > start && !visit(path.substr(start, end - start))) return;
    start = end + 1;
  }
}

}  // namespace

void UnsyncedWrite::apply(std::string& image) const {
  if (is_truncate) {
    image.resize(offset, '\0');
    return;
  }
  if (image.size() < offset) image.resize(offset, '\0');
  const auto over = std::min<std::size_t>(bytes.size(), image.size() - offset);
  image.replace(offset, over, bytes, 0, over);
  image.append(bytes, over);
}

void NameChange::apply(DiskNames& names) const {
  if (node != nullptr) {
    names[name] = node;
  } else {
    names.erase(name);
  }
}

std::string join(std::string_view folder, std::string_view name) {
  std::string path;
  path.reserve(folder.size() + 1 + name.size());
  if (folder != "/") path = folder;
  path.append(1, '/').append(name);
  return path;
}

DiskState::DiskState(const DiskSettings& settings, const world::Clock* clock)
    : settings_(settings), clock_(clock), chance_(settings.seed) {
  root_ = make_node(world::EntryType::folder, 0755);
  root_->links = 1;
  nodes_ = 1;
}

Result<> DiskState::begin(DiskOperation operation, std::uint64_t life, const std::string& path,
                          std::string_view detail) {
  fault_injected_ = false;
  if (off_) return failure(Error::Kind::io, path + ": the power is off");
  if (life != life_) return failure(Error::Kind::io, path + ": held from before the power cut");
  if (hook_) hook_({operation, path, detail});
  if (is_change(operation)) ++operations_;
  if (settings_.trace_limit > 0) note(fmt::format("{} {} {} {}", operations_, to_text(operation), path, detail));
  if (is_change(operation) && operations_ == cut_at_) {
    off_ = true;
    note("the power is cut before this operation");
    return failure(Error::Kind::io, path + ": the power is off");
  }
  pass_time(operation);
  const auto fault = fault_for(operation, path);
  fault_injected_ = fault.has_value();
  if (fault) return failure(fail(*fault, path, "injected fault"));
  return {};
}

Error DiskState::fail(Error::Kind kind, const std::string& path, std::string_view why) {
  if (!trace_.empty()) trace_.back() += fmt::format(" = {}", why);
  return Error{kind, fmt::format("{}: {}", path, why)};
}

std::optional<Error::Kind> DiskState::fault_for(DiskOperation operation, std::string_view path) {
  if (const auto planned = planned_fault(operation, path)) return planned;
  return drawn_fault(operation);
}

std::optional<Error::Kind> DiskState::planned_fault(DiskOperation operation, std::string_view path) {
  for (auto& fault : plan_) {
    if (fault.operation != operation || fault.times == 0) continue;
    if (path.find(fault.path) == std::string_view::npos) continue;
    if (fault.skip > 0) {
      --fault.skip;
      continue;
    }
    if (fault.times != DiskFault::always) --fault.times;
    return fault.error;
  }
  return std::nullopt;
}

std::optional<Error::Kind> DiskState::drawn_fault(DiskOperation operation) {
  using enum DiskOperation;
  const auto& odds = settings_.odds;
  const auto either = [this](std::uint32_t first, Error::Kind one, std::uint32_t second,
                             Error::Kind other) -> std::optional<Error::Kind> {
    if (chance_.chance(first)) return one;
    if (chance_.chance(second)) return other;
    return std::nullopt;
  };
  switch (operation) {
    case read:
      return either(odds.read_error, Error::Kind::io, 0, Error::Kind::io);
    case write:
      return either(odds.write_error, Error::Kind::io, odds.no_space, Error::Kind::no_space);
    case sync_data:
    case sync_folder:
      return either(odds.sync_error, Error::Kind::io, 0, Error::Kind::io);
    case rename:
    case remove:
      return either(odds.name_error, Error::Kind::io, 0, Error::Kind::io);
    case create_file:
    case make_folder:
      return either(odds.name_error, Error::Kind::io, odds.no_space, Error::Kind::no_space);
    case open_root:
    case open_file:
    case open_folder:
    case lock:
      return either(odds.too_many_files, Error::Kind::too_many_files, 0, Error::Kind::io);
    case make_root:
    case list:
    case facts:
    case set_owner:
    case free_space:
    case size:
    case truncate:
    case close:
      return std::nullopt;
  }
  return std::nullopt;
}

void DiskState::pass_time(DiskOperation operation) {
  elapsed_ += settings_.operation_time;
  if (operation == DiskOperation::sync_data || operation == DiskOperation::sync_folder) elapsed_ += settings_.sync_time;
  if (settings_.slowest.count() > 0 && chance_.chance(settings_.odds.slow)) {
    elapsed_ +=
        Duration{static_cast<std::int64_t>(chance_.pick(static_cast<std::uint64_t>(settings_.slowest.count())))};
  }
}

void DiskState::note(std::string line) {
  if (settings_.trace_limit == 0) return;
  if (trace_.size() == settings_.trace_limit) trace_.pop_front();
  trace_.push_back(std::move(line));
}

DiskNodePointer DiskState::make_node(world::EntryType type, unsigned mode) {
  auto node = std::make_shared<DiskNode>();
  node->type = type;
  node->number = ++last_number_;
  node->mode = mode;
  node->owner = node->durable_owner = {settings_.user, settings_.group};
  node->modified_ns = now_ns();
  return node;
}

void DiskState::set_name(const DiskNodePointer& folder, const std::string& name, DiskNodePointer node,
                         std::uint64_t serial) {
  if (node != nullptr && node->links++ == 0 && node->open == 0) ++nodes_;
  const NameChange change{serial, name, std::move(node)};
  if (const auto old = folder->names.find(name); old != folder->names.end()) {
    --old->second->links;
    release_if_gone(*old->second);
  }
  change.apply(folder->names);
  if (folder->changes.empty()) changed_folders_.push_back(folder);
  folder->changes.push_back(change);
  folder->modified_ns = now_ns();
}

void DiskState::sync_names(const DiskNodePointer& folder) {
  const auto settle = [](DiskNode& node) {
    for (const auto& change : node.changes) change.apply(node.durable_names);
    node.changes.clear();
    node.durable_owner = node.owner;
  };
  if (settings_.mode == CrashMode::ordered) {
    for (const auto& changed : changed_folders_) {
      if (const auto node = changed.lock()) settle(*node);
    }
  }
  settle(*folder);
  std::erase_if(changed_folders_, [](const auto& changed) {
    const auto node = changed.lock();
    return node == nullptr || node->changes.empty();
  });
}

void DiskState::lose_or_keep(DiskNode& node) {
  for (const auto& write : node.writes) {
    if (chance_.pick(2) == 1) write.apply(node.durable_bytes);
  }
  node.writes.clear();
  for (const auto& change : node.changes) {
    if (chance_.pick(2) == 1) change.apply(node.durable_names);
  }
  node.changes.clear();
}

void DiskState::opened(DiskNode& node) {
  ++node.open;
  ++open_;
}

void DiskState::closed(DiskNode& node) {
  --node.open;
  --open_;
  release_if_gone(node);
}

void DiskState::release_if_gone(DiskNode& node) {
  if (node.links > 0 || node.open > 0) return;
  release_beyond(node, 0);
  --nodes_;
}

std::int64_t DiskState::now_ns() const {
  return clock_ == nullptr ? 0 : std::chrono::nanoseconds{clock_->wall().time_since_epoch()}.count();
}

bool DiskState::may(const DiskNode& node, unsigned bits) const {
  if (settings_.user == 0) return true;
  unsigned shift = 0;
  if (node.owner.group == settings_.group) shift = 3;
  if (node.owner.user == settings_.user) shift = 6;
  return ((node.mode >> shift) & bits) == bits;
}

std::uint64_t DiskState::allocate(DiskNode& node, std::uint64_t offset, std::uint64_t size) {
  const auto limit = settings_.capacity / settings_.block;
  for (auto block = offset / settings_.block; block * settings_.block < offset + size; ++block) {
    if (block >= node.blocks.size()) node.blocks.resize(block + 1, false);
    if (node.blocks[block]) continue;
    if (used_blocks_ >= limit) {
      const auto reached = block * settings_.block;
      return reached > offset ? reached - offset : 0;
    }
    node.blocks[block] = true;
    ++used_blocks_;
  }
  return size;
}

void DiskState::release_beyond(DiskNode& node, std::uint64_t size) {
  const auto keep = (size + settings_.block - 1) / settings_.block;
  while (node.blocks.size() > keep) {
    if (node.blocks.back()) --used_blocks_;
    node.blocks.pop_back();
  }
}

world::FreeSpace DiskState::free_space() const {
  const auto used = used_blocks_ * settings_.block;
  const auto inodes = settings_.inodes > nodes_ ? settings_.inodes - nodes_ : 0;
  return {settings_.capacity > used ? settings_.capacity - used : 0, settings_.capacity, inodes};
}

DiskNodePointer DiskState::find(std::string_view path) const {
  auto node = root_;
  each_name(path, [&node](std::string_view name) {
    const auto at = node->names.find(name);
    node = at == node->names.end() ? nullptr : at->second;
    return node != nullptr;
  });
  return node;
}

DiskNodePointer DiskState::parent_of(std::string_view path) const {
  ensure(path.starts_with('/') && path.size() > 1, "a path on the simulated disk is absolute and names something");
  const auto node = find(path.substr(0, path.rfind('/')));
  return node != nullptr && node->type == world::EntryType::folder ? node : nullptr;
}

void DiskState::plant(const DiskNodePointer& folder, const std::string& name, DiskNodePointer node) {
  set_name(folder, name, std::move(node), next_serial());
  const auto change = folder->changes.back();
  std::erase_if(folder->changes, [&name](const NameChange& earlier) { return earlier.name == name; });
  change.apply(folder->durable_names);
}

}  // namespace posthorn::sim
