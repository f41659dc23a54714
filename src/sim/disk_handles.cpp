// The files, folders and locks that programs hold on a simulated disk.
#include "sim/disk_state.hpp"

#include "base/assert.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::sim {
namespace {

using world::EntryType;

constexpr std::size_t longest_name = 255;

/// "4096+512", without the heap.
class RangeText {
 public:
  RangeText(std::uint64_t offset, std::uint64_t size)
      : end_(fmt::format_to(fmt::format_to(text_.data(), "{}", offset), "+{}", size)) {}
  operator std::string_view() const { return {text_.data(), static_cast<std::size_t>(end_ - text_.data())}; }

 private:
  std::array<char, 48> text_{};
  char* end_;
};

/// A node held open: what files, folders and locks have in common.
class Handle {
 public:
  Handle(std::shared_ptr<DiskState> state, DiskNodePointer node, std::string path)
      : state_(std::move(state)),
        node_(std::move(node)),
        path_(std::move(path)),
        life_(state_->life()),
        tree_(state_->tree()) {
    state_->opened(*node_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { release(); }

  Result<> begin(DiskOperation operation, std::string_view detail = {}) {
    if (released_) return failure(Error::Kind::invalid, path_ + ": closed already");
    return state_->begin(operation, life_, path_, detail);
  }
  /// Whether the operation begun last failed by an injected fault, so that it may have done a part.
  [[nodiscard]] bool half_done() const { return !released_ && state_->fault_injected(); }
  /// As an operation on a name in this folder.
  Result<> begin_at(DiskOperation operation, const std::string& path, std::string_view detail = {}) {
    return state_->begin(operation, life_, path, detail);
  }
  void release() {
    if (released_) return;
    released_ = true;
    if (tree_ == state_->tree()) state_->closed(*node_);
  }

  [[nodiscard]] DiskState& state() { return *state_; }
  [[nodiscard]] const std::shared_ptr<DiskState>& shared_state() const { return state_; }
  [[nodiscard]] const DiskNodePointer& node() const { return node_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::shared_ptr<DiskState> state_;
  DiskNodePointer node_;
  std::string path_;
  std::uint64_t life_;
  std::uint64_t tree_;
  bool released_ = false;
};

Result<> set_owner_of(Handle& handle, unsigned user, unsigned group) {
  if (auto begun = handle.begin(DiskOperation::set_owner, fmt::format("{}:{}", user, group)); !begun) return begun;
  const auto& settings = handle.state().settings();
  auto& owner = handle.node()->owner;
  const bool is_ours =
      owner.user == settings.user && user == owner.user && (group == owner.group || group == settings.group);
  if (settings.user != 0 && !is_ours) {
    return failure(handle.state().fail(Error::Kind::not_permitted, handle.path(), "not permitted"));
  }
  owner = {user, group};
  return {};
}

world::EntryFacts facts_of(const DiskNode& node) {
  const auto size = node.type == EntryType::file ? node.bytes.size() : node.target.size();
  return {node.type, size, node.mode, node.owner.user, node.owner.group, node.links, node.modified_ns, node.number};
}

/// `Base`: world::File, or an interface that adds to it.
template <class Base>
class SimFileAs : public Base {
 public:
  SimFileAs(std::shared_ptr<DiskState> state, DiskNodePointer node, std::string path, bool for_writing)
      : handle_(std::move(state), std::move(node), std::move(path)), for_writing_(for_writing) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    if (auto begun = handle_.begin(DiskOperation::read, RangeText(offset, into.size())); !begun) {
      return failure(begun.error());
    }
    auto& file = *handle_.node();
    if (offset >= file.bytes.size()) return 0;
    const auto count = std::min<std::uint64_t>(into.size(), file.bytes.size() - offset);
    rot(file, offset, count);
    std::copy_n(file.bytes.data() + offset, count, into.data());
    return count;
  }

  Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) override {
    if (!for_writing_) return reading_only();
    std::string bytes;
    for (const auto piece : pieces) bytes += piece;
    const auto size = bytes.size();
    if (auto begun = handle_.begin(DiskOperation::write, RangeText(offset, size)); !begun) {
      if (!handle_.half_done()) return begun;
      bytes.resize(chance().pick(size + 1));
      put(offset, std::move(bytes));
      return begun;
    }
    const auto room = state().allocate(*handle_.node(), offset, size);
    bytes.resize(room);
    put(offset, std::move(bytes));
    if (room < size) return failure(state().fail(Error::Kind::no_space, handle_.path(), "no space left"));
    return {};
  }

  Result<> sync_data() override {
    auto& file = *handle_.node();
    if (auto begun = handle_.begin(DiskOperation::sync_data); !begun) {
      if (handle_.half_done()) state().lose_or_keep(file);
      return begun;
    }
    for (auto& write : file.writes) {
      const bool is_all = !write.is_truncate && write.offset == 0 && write.bytes.size() >= file.durable_bytes.size();
      is_all ? std::swap(file.durable_bytes, write.bytes) : write.apply(file.durable_bytes);
    }
    file.writes.clear();
    file.durable_owner = file.owner;
    return {};
  }

  Result<std::uint64_t> size() override {
    if (auto begun = handle_.begin(DiskOperation::size); !begun) return failure(begun.error());
    return handle_.node()->bytes.size();
  }

  Result<world::EntryFacts> facts() override {
    if (auto begun = handle_.begin(DiskOperation::facts); !begun) return failure(begun.error());
    return facts_of(*handle_.node());
  }

  Result<> truncate(std::uint64_t size) override {
    if (!for_writing_) return reading_only();
    if (auto begun = handle_.begin(DiskOperation::truncate, fmt::format("{}", size)); !begun) return begun;
    auto& file = *handle_.node();
    file.writes.push_back({size, {}, true});
    file.writes.back().apply(file.bytes);
    state().release_beyond(file, size);
    return {};
  }

  Result<> set_owner(unsigned user, unsigned group) override { return set_owner_of(handle_, user, group); }

  Result<> close() override {
    auto begun = handle_.begin(DiskOperation::close);
    handle_.release();
    return begun;
  }

 protected:
  [[nodiscard]] Handle& handle() { return handle_; }

 private:
  [[nodiscard]] DiskState& state() { return handle_.state(); }
  [[nodiscard]] SeededChoice& chance() { return state().chance(); }

  std::unexpected<Error> reading_only() {
    return failure(Error::Kind::invalid, handle_.path() + ": opened for reading only");
  }

  void put(std::uint64_t offset, std::string bytes) {
    if (bytes.empty()) return;
    auto& file = *handle_.node();
    static_cast<void>(state().allocate(file, offset, bytes.size()));
    file.writes.push_back({offset, std::move(bytes), false});
    file.writes.back().apply(file.bytes);
    file.modified_ns = state().now_ns();
  }

  void rot(DiskNode& file, std::uint64_t offset, std::uint64_t count) {
    if (count == 0 || !chance().chance(state().settings().odds.rotten_read)) return;
    const auto at = offset + chance().pick(count);
    const auto flip = static_cast<char>(1U << chance().pick(8));
    file.bytes[at] = static_cast<char>(file.bytes[at] ^ flip);
    if (at < file.durable_bytes.size()) file.durable_bytes[at] = static_cast<char>(file.durable_bytes[at] ^ flip);
  }

  Handle handle_;
  bool for_writing_;
};

using SimFile = SimFileAs<world::File>;

class SimLock final : public world::FileLock {
 public:
  SimLock(std::shared_ptr<DiskState> state, DiskNodePointer node, std::string path)
      : handle_(std::move(state), std::move(node), std::move(path)) {
    handle_.node()->locked = true;
  }
  ~SimLock() override { handle_.node()->locked = false; }

 private:
  Handle handle_;
};

class SimSharedFile final : public SimFileAs<world::SharedFile> {
 public:
  SimSharedFile(std::shared_ptr<DiskState> state, DiskNodePointer node, std::string path)
      : SimFileAs(std::move(state), std::move(node), std::move(path), true) {}
  ~SimSharedFile() override {
    if (holds_) handle().node()->locked = false;
  }

  Result<> append(std::string_view bytes) override {
    return write_at(handle().node()->bytes.size(), std::span{&bytes, 1});
  }

  Result<> lock(Duration /*wait*/) override {
    if (auto begun = handle().begin(DiskOperation::lock); !begun) return begun;
    if (handle().node()->locked && !holds_) {
      return failure(handle().state().fail(Error::Kind::in_use, handle().path(), "in use"));
    }
    holds_ = handle().node()->locked = true;
    return {};
  }

 private:
  bool holds_ = false;
};

class SimFolder final : public world::Folder {
 public:
  SimFolder(std::shared_ptr<DiskState> state, DiskNodePointer node, std::string path)
      : handle_(std::move(state), std::move(node), std::move(path)) {}

  Result<std::unique_ptr<world::File>> open_file(std::string_view name, bool for_writing) override {
    const auto found = open_existing(DiskOperation::open_file, name, EntryType::file, for_writing ? 6U : 4U);
    if (!found) return failure(found.error());
    return std::make_unique<SimFile>(handle_.shared_state(), *found, beneath(name), for_writing);
  }

  Result<std::unique_ptr<world::SharedFile>> open_shared(std::string_view name) {
    const auto found = open_existing(DiskOperation::open_file, name, EntryType::file, 6U);
    if (!found) return failure(found.error());
    return std::make_unique<SimSharedFile>(handle_.shared_state(), *found, beneath(name));
  }

  Result<std::unique_ptr<world::File>> create_file(std::string_view name, unsigned mode) override {
    if (!state().has_descriptor()) return too_many_files(name);
    const auto made = create(DiskOperation::create_file, name, EntryType::file, mode);
    if (!made) return failure(made.error());
    return std::make_unique<SimFile>(handle_.shared_state(), *made, beneath(name), true);
  }

  Result<std::unique_ptr<world::Folder>> open_folder(std::string_view name) override {
    const auto found = open_existing(DiskOperation::open_folder, name, EntryType::folder, 1U);
    if (!found) return failure(found.error());
    return std::make_unique<SimFolder>(handle_.shared_state(), *found, beneath(name));
  }

  Result<> make_folder(std::string_view name, unsigned mode) override {
    const auto made = create(DiskOperation::make_folder, name, EntryType::folder, mode);
    if (!made) return failure(made.error());
    return {};
  }

  Result<> rename(std::string_view name, world::Folder& to, std::string_view new_name, bool replace) override {
    auto* target = dynamic_cast<SimFolder*>(&to);
    ensure(target != nullptr, "both folders of a rename are on one simulated disk");
    if (auto begun = begin(DiskOperation::rename, name, 3U, "-> " + target->beneath(new_name)); !begun) return begun;
    if (!is_name(new_name)) return refuse(Error::Kind::invalid, new_name, "not a name");
    if (!state().may(*target->node(), 3U)) return refuse(Error::Kind::not_permitted, new_name, "not permitted");
    const auto from = node()->names.find(name);
    if (from == node()->names.end()) return refuse(Error::Kind::not_found, name, "not found");
    const auto moved = from->second;
    if (auto free = target->make_way(new_name, *moved, replace); !free) return free;
    const auto serial = state().next_serial();
    state().set_name(target->node(), std::string(new_name), moved, serial);
    if (target->node() != node() || name != new_name) state().set_name(node(), std::string(name), nullptr, serial);
    return {};
  }

  Result<> remove(std::string_view name, bool folder) override {
    if (auto begun = begin(DiskOperation::remove, name, 3U); !begun) return begun;
    const auto found = node()->names.find(name);
    if (found == node()->names.end()) return refuse(Error::Kind::not_found, name, "not found");
    if ((found->second->type == EntryType::folder) != folder) return refuse(Error::Kind::invalid, name, "wrong kind");
    if (folder && !found->second->names.empty()) return refuse(Error::Kind::exists, name, "not empty");
    state().set_name(node(), std::string(name), nullptr, state().next_serial());
    return {};
  }

  Result<std::vector<world::Entry>> list() override {
    if (auto begun = handle_.begin(DiskOperation::list); !begun) return failure(begun.error());
    if (!state().may(*node(), 4U)) return failure(state().fail(Error::Kind::not_permitted, path(), "not permitted"));
    std::vector<world::Entry> entries;
    for (const auto& [name, child] : node()->names) entries.push_back({name, child->type});
    return entries;
  }

  Result<world::EntryFacts> facts(std::string_view name) override {
    if (auto begun = begin(DiskOperation::facts, name, 1U); !begun) return failure(begun.error());
    const auto found = node()->names.find(name);
    if (found == node()->names.end()) return failure(state().fail(Error::Kind::not_found, beneath(name), "not found"));
    return facts_of(*found->second);
  }

  Result<world::EntryFacts> facts() override {
    if (auto begun = handle_.begin(DiskOperation::facts); !begun) return failure(begun.error());
    return facts_of(*node());
  }

  Result<> sync() override {
    if (auto begun = handle_.begin(DiskOperation::sync_folder); !begun) {
      if (handle_.half_done()) state().lose_or_keep(*node());
      return begun;
    }
    state().sync_names(node());
    return {};
  }

  /// No time passes here while a job runs, so that waiting would not help.
  Result<std::unique_ptr<world::FileLock>> lock(std::string_view name, Duration /*wait*/) override {
    if (auto begun = begin(DiskOperation::lock, name, 1U); !begun) return failure(begun.error());
    if (!state().has_descriptor()) return too_many_files(name);
    auto found = node()->names.find(name);
    if (found == node()->names.end()) {
      if (auto entered = enter(name, EntryType::file, 0600); !entered) return failure(entered.error());
      found = node()->names.find(name);
    }
    if (auto right = check_type(*found->second, name, EntryType::file); !right) return failure(right.error());
    if (found->second->locked) return failure(state().fail(Error::Kind::in_use, beneath(name), "in use"));
    return std::make_unique<SimLock>(handle_.shared_state(), found->second, beneath(name));
  }

  Result<> set_owner(unsigned user, unsigned group) override { return set_owner_of(handle_, user, group); }

  Result<world::FreeSpace> free_space() override {
    if (auto begun = handle_.begin(DiskOperation::free_space); !begun) return failure(begun.error());
    return state().free_space();
  }

  [[nodiscard]] std::string path() const override { return handle_.path(); }

 private:
  [[nodiscard]] DiskState& state() { return handle_.state(); }
  [[nodiscard]] const DiskNodePointer& node() const { return handle_.node(); }
  [[nodiscard]] std::string beneath(std::string_view name) const { return join(handle_.path(), name); }

  [[nodiscard]] static bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_name && name != "." && name != ".." &&
           name.find_first_of(std::string_view{"/\0", 2}) == std::string_view::npos;
  }

  std::unexpected<Error> refuse(Error::Kind kind, std::string_view name, std::string_view why) {
    return failure(state().fail(kind, beneath(name), why));
  }
  std::unexpected<Error> too_many_files(std::string_view name) {
    return failure(Error::Kind::too_many_files, beneath(name) + ": too many files open");
  }

  /// What every operation on a name asks first; `rights` to this folder as one digit of a mode.
  Result<> begin(DiskOperation operation, std::string_view name, unsigned rights, std::string_view detail = {}) {
    if (!is_name(name)) return failure(Error::Kind::invalid, path() + ": not a name in a folder");
    if (auto begun = handle_.begin_at(operation, beneath(name), detail); !begun) return begun;
    if (!state().may(*node(), rights)) return refuse(Error::Kind::not_permitted, name, "not permitted");
    return {};
  }

  Result<> check_type(const DiskNode& found, std::string_view name, EntryType wanted) {
    if (found.type == EntryType::link) return refuse(Error::Kind::is_link, name, "is a symbolic link");
    if (found.type != wanted) return refuse(Error::Kind::invalid, name, "is of another kind");
    return {};
  }

  Result<DiskNodePointer> open_existing(DiskOperation operation, std::string_view name, EntryType wanted,
                                        unsigned rights) {
    if (auto begun = begin(operation, name, 1U); !begun) return failure(begun.error());
    const auto found = node()->names.find(name);
    if (found == node()->names.end()) return refuse(Error::Kind::not_found, name, "not found");
    if (auto right = check_type(*found->second, name, wanted); !right) return failure(right.error());
    if (!state().may(*found->second, rights)) return refuse(Error::Kind::not_permitted, name, "not permitted");
    if (!state().has_descriptor()) return too_many_files(name);
    return found->second;
  }

  Result<DiskNodePointer> create(DiskOperation operation, std::string_view name, EntryType type, unsigned mode) {
    if (auto begun = begin(operation, name, 3U); !begun) return failure(begun.error());
    if (node()->names.contains(name)) return refuse(Error::Kind::exists, name, "exists");
    return enter(name, type, mode);
  }

  Result<DiskNodePointer> enter(std::string_view name, EntryType type, unsigned mode) {
    if (!state().may(*node(), 3U)) return refuse(Error::Kind::not_permitted, name, "not permitted");
    if (!state().has_inode()) return refuse(Error::Kind::no_space, name, "no inode left");
    auto made = state().make_node(type, mode);
    state().set_name(node(), std::string(name), made, state().next_serial());
    return made;
  }

  /// Whether `moved` may take this name here.
  Result<> make_way(std::string_view name, const DiskNode& moved, bool replace) {
    const auto there = node()->names.find(name);
    if (there == node()->names.end()) return {};
    if (!replace) return refuse(Error::Kind::exists, name, "exists");
    if ((there->second->type == EntryType::folder) != (moved.type == EntryType::folder)) {
      return refuse(Error::Kind::invalid, name, "wrong kind");
    }
    if (!there->second->names.empty()) return refuse(Error::Kind::exists, name, "not empty");
    return {};
  }

  Handle handle_;
};

}  // namespace

std::unique_ptr<world::Folder> open_folder_handle(std::shared_ptr<DiskState> state, DiskNodePointer node,
                                                  std::string path) {
  return std::make_unique<SimFolder>(std::move(state), std::move(node), std::move(path));
}

Result<std::unique_ptr<world::SharedFile>> open_shared_handle(world::Folder& folder, std::string_view name) {
  auto* there = dynamic_cast<SimFolder*>(&folder);
  ensure(there != nullptr, "the folder is on a simulated disk");
  return there->open_shared(name);
}

}  // namespace posthorn::sim
