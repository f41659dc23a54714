// What a power cut leaves: a copy of the tree in which every unsynced name and write has been decided.
#include "sim/disk_state.hpp"
#include "sim/running_hash.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

namespace posthorn::sim {
namespace {

class Aftermath {
 public:
  Aftermath(CrashMode mode, CrashChoice& choice) : mode_(mode), choice_(choice) {}

  /// Decides how far the journal of all folders got (CrashMode::ordered).
  void choose_journal_end(const std::vector<std::weak_ptr<DiskNode>>& changed) {
    std::set<std::uint64_t> serials;
    for (const auto& folder : changed) {
      const auto node = folder.lock();
      if (node == nullptr) continue;
      for (const auto& change : node->changes) serials.insert(change.serial);
    }
    journal_end_ = pick_prefix(serials);
  }

  [[nodiscard]] DiskNodePointer copy(const DiskNodePointer& from) {
    if (const auto known = made_.find(from.get()); known != made_.end()) return known->second;
    auto node = std::make_shared<DiskNode>();
    made_.emplace(from.get(), node);
    node->type = from->type;
    node->number = from->number;
    node->mode = from->mode;
    node->modified_ns = from->modified_ns;
    node->target = from->target;
    node->owner = node->durable_owner = owner_after(*from);
    node->bytes = node->durable_bytes = bytes_after(*from);
    for (const auto& [name, child] : names_after(*from)) node->names.emplace(name, copy(child));
    node->durable_names = node->names;
    return node;
  }

 private:
  [[nodiscard]] bool kept() { return choice_.pick(2) == 1; }

  [[nodiscard]] std::uint64_t pick_prefix(const std::set<std::uint64_t>& serials) {
    const auto taken = choice_.pick(serials.size() + 1);
    return taken == 0 ? 0 : *std::next(serials.begin(), static_cast<std::ptrdiff_t>(taken - 1));
  }

  [[nodiscard]] DiskOwner owner_after(const DiskNode& node) {
    const bool changed = node.owner.user != node.durable_owner.user || node.owner.group != node.durable_owner.group;
    return changed && !kept() ? node.durable_owner : node.owner;
  }

  // ---- names ----
  [[nodiscard]] DiskNames names_after(const DiskNode& folder) {
    auto names = folder.durable_names;
    switch (mode_) {
      case CrashMode::ordered:
        apply_until(folder, journal_end_, names);
        break;
      case CrashMode::prefix:
      case CrashMode::delayed_allocation: {
        std::set<std::uint64_t> serials;
        for (const auto& change : folder.changes) serials.insert(change.serial);
        apply_until(folder, pick_prefix(serials), names);
        break;
      }
      case CrashMode::reordered:
        apply_each_name(folder, names);
        break;
    }
    return names;
  }

  static void apply_until(const DiskNode& folder, std::uint64_t last, DiskNames& names) {
    for (const auto& change : folder.changes) {
      if (change.serial <= last) change.apply(names);
    }
  }

  /// Each name has one of the states it went through since the last sync, whatever the others have.
  void apply_each_name(const DiskNode& folder, DiskNames& names) {
    std::map<std::string, std::vector<const NameChange*>> histories;
    for (const auto& change : folder.changes) histories[change.name].push_back(&change);
    for (const auto& [name, history] : histories) {
      const auto taken = choice_.pick(history.size() + 1);
      if (taken > 0) history[taken - 1]->apply(names);
    }
  }

  // ---- bytes ----
  [[nodiscard]] std::string bytes_after(const DiskNode& file) {
    auto image = file.durable_bytes;
    switch (mode_) {
      case CrashMode::ordered:
      case CrashMode::prefix:
        keep_prefix(file, image);
        break;
      case CrashMode::reordered:
        for (const auto& write : file.writes) decide(write, image);
        break;
      case CrashMode::delayed_allocation:
        for (const auto& write : file.writes) decide_late(write, image);
        break;
    }
    return image;
  }

  void keep_prefix(const DiskNode& file, std::string& image) {
    const auto whole = choice_.pick(file.writes.size() + 1);
    for (std::size_t i = 0; i < whole; ++i) file.writes[i].apply(image);
    if (whole == file.writes.size()) return;
    const auto& torn = file.writes[whole];
    if (torn.is_truncate || sectors_of(torn) < 2) return;
    const auto arrived = choice_.pick(choice_.coarse() ? 2 : sectors_of(torn));
    if (arrived > 0) put_sectors(torn, 0, arrived, image);
  }

  void decide(const UnsyncedWrite& write, std::string& image) {
    const bool grows = !write.is_truncate && write.offset + write.bytes.size() > image.size();
    const bool can_tear = !write.is_truncate && (grows || sectors_of(write) > 1);
    const auto outcome = choice_.pick(can_tear ? 3 : 2);
    if (outcome == 0) return;
    if (outcome == (can_tear ? 2U : 1U)) return write.apply(image);
    tear(write, image);
  }

  /// Each sector: old, new, or garbage where the file grew. A coarse tear: the first sector arrived if there are several.
  void tear(const UnsyncedWrite& write, std::string& image) {
    const auto fresh = image.size();
    const auto source = image;
    image.resize(std::max<std::size_t>(image.size(), write.offset + write.bytes.size()), '\0');
    for (std::uint64_t index = 0; index < sectors_of(write); ++index) {
      const bool arrived = choice_.coarse() ? index == 0 && sectors_of(write) > 1 : kept();
      if (arrived) {
        put_sectors(write, index, 1, image);
      } else {
        spoil_fresh(write, index, fresh, source, image);
      }
    }
  }

  /// Puts garbage into the part of a sector that lies past the old end.
  void spoil_fresh(const UnsyncedWrite& write, std::uint64_t index, std::size_t fresh, const std::string& source,
                   std::string& image) {
    const auto [begin, end] = sector_range(write, index);
    const auto from = std::max<std::uint64_t>(begin, fresh);
    const bool stale = !choice_.coarse() && !source.empty() && kept();  // what another life of the blocks left there
    const auto start = stale ? choice_.pick(source.size() / sector + 1) * sector : 0;
    for (auto at = from; at < end; ++at) {
      const auto old = start + (at - from);
      if (stale && old < source.size()) {
        image[at] = source[old];
      } else {
        image[at] = choice_.coarse() ? '\xa5' : static_cast<char>(choice_.pick(256));
      }
    }
  }

  /// Lost, size without bytes, or kept.
  void decide_late(const UnsyncedWrite& write, std::string& image) {
    const auto end = write.offset + write.bytes.size();
    const bool grows = !write.is_truncate && end > image.size();
    const auto outcome = choice_.pick(grows ? 3 : 2);
    if (outcome == 0) return;
    if (outcome == 1 && grows) return image.resize(end, '\0');
    write.apply(image);
  }

  // ---- sectors of a write, counted from the first it touches ----
  [[nodiscard]] static std::uint64_t sectors_of(const UnsyncedWrite& write) {
    if (write.bytes.empty()) return 0;
    return (write.offset + write.bytes.size() - 1) / sector - write.offset / sector + 1;
  }

  [[nodiscard]] static std::pair<std::uint64_t, std::uint64_t> sector_range(const UnsyncedWrite& write,
                                                                            std::uint64_t index) {
    const auto start = (write.offset / sector + index) * sector;
    return {std::max(start, write.offset), std::min(start + sector, write.offset + write.bytes.size())};
  }

  static void put_sectors(const UnsyncedWrite& write, std::uint64_t first, std::uint64_t count, std::string& image) {
    const auto begin = sector_range(write, first).first;
    const auto end = sector_range(write, first + count - 1).second;
    const UnsyncedWrite part{begin, write.bytes.substr(begin - write.offset, end - begin), false};
    part.apply(image);
  }

  CrashMode mode_;
  CrashChoice& choice_;
  std::uint64_t journal_end_ = 0;
  std::unordered_map<const DiskNode*, DiskNodePointer> made_;
};

/// Counts the links and the space of a tree that has just been made.
class Census {
 public:
  explicit Census(std::uint64_t block) : block_(block) {}

  void count(DiskNode& node, const DiskNode* before) {
    if (node.links++ > 0) return;
    ++nodes;
    for (std::uint64_t at = 0; at < node.bytes.size(); at += block_) {
      const auto index = at / block_;
      const bool had = before != nullptr && index < before->blocks.size() && before->blocks[index];
      node.blocks.push_back(had || node.bytes.find_first_not_of('\0', at) < at + block_);
      if (node.blocks.back()) ++blocks;
    }
  }

  std::uint64_t nodes = 0;
  std::uint64_t blocks = 0;

 private:
  std::uint64_t block_;
};

void mix_tree(const DiskNode& node, RunningHash& hash) {
  hash.mix(static_cast<std::uint64_t>(node.type));
  for (const auto word : {node.number, std::uint64_t{node.mode}, std::uint64_t{node.owner.user},
                          std::uint64_t{node.owner.group}, static_cast<std::uint64_t>(node.modified_ns)}) {
    hash.mix(word);
  }
  hash.mix(node.target);
  hash.mix(node.bytes);
  for (const bool has_space : node.blocks) hash.mix(std::uint64_t{has_space});
  hash.mix(node.names.size());
  for (const auto& [name, child] : node.names) {
    hash.mix(name);
    mix_tree(*child, hash);
  }
}

void index_by_number(const DiskNodePointer& node, std::unordered_map<std::uint64_t, const DiskNode*>& index) {
  if (!index.emplace(node->number, node.get()).second) return;
  for (const auto& names : {node->names, node->durable_names}) {
    for (const auto& [name, child] : names) index_by_number(child, index);
  }
}

void count_tree(const DiskNodePointer& node, const std::unordered_map<std::uint64_t, const DiskNode*>& before,
                Census& census) {
  const auto old = before.find(node->number);
  census.count(*node, old == before.end() ? nullptr : old->second);
  if (node->links > 1) return;
  for (const auto& [name, child] : node->names) count_tree(child, before, census);
}

}  // namespace

std::shared_ptr<DiskState> DiskState::survivors(CrashChoice& choice) const {
  auto after = std::make_shared<DiskState>(settings_, clock_);
  Aftermath aftermath{settings_.mode, choice};
  if (settings_.mode == CrashMode::ordered) aftermath.choose_journal_end(changed_folders_);
  after->root_ = aftermath.copy(root_);

  std::unordered_map<std::uint64_t, const DiskNode*> before;
  index_by_number(root_, before);
  Census census{settings_.block};
  count_tree(after->root_, before, census);
  after->nodes_ = census.nodes;
  after->used_blocks_ = census.blocks;
  after->last_number_ = last_number_;
  after->chance_ = chance_;
  after->operations_ = operations_;
  after->serial_ = serial_;
  after->life_ = life_ + 1;
  after->tree_ = tree_ + 1;
  after->trace_ = trace_;
  after->note("the power is back");
  return after;
}

void DiskState::become(DiskState& other) {
  auto hook = std::move(hook_);
  const auto elapsed = elapsed_;
  *this = std::move(other);
  hook_ = std::move(hook);
  elapsed_ = elapsed;
}

std::uint64_t DiskState::hash() const {
  RunningHash hash;
  mix_tree(*root_, hash);
  for (const auto word : {nodes_, used_blocks_, last_number_}) hash.mix(word);
  auto chance = chance_;
  hash.mix(chance.next());
  return hash.value();
}

void DiskState::begin_new_life() {
  ++life_;
  off_ = false;
  cut_at_ = 0;
  plan_.clear();
  note("the program is started again");
}

}  // namespace posthorn::sim
