// IndexedHeap: a binary heap of references whose items know their own place in it, so that any of them can be taken out or
// moved in O(log n). It owns nothing: items outlive their stay. It counts its steps, so that tests can see how it grows.
#pragma once

#include "base/assert.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posthorn::rules {

/// `place` is the member of an item that holds its position (nowhere when it is in no heap); `Before` orders items, strictly.
template <class Item, std::uint32_t Item::* place, class Before>
class IndexedHeap {
 public:
  static constexpr std::uint32_t nowhere = ~0U;

  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  /// The first item; the heap is not empty.
  [[nodiscard]] Item& top() const { return *items_.front(); }
  /// How often two items were compared so far.
  [[nodiscard]] std::uint64_t comparisons() const { return comparisons_; }

  void push(Item& item) {
    ensure(item.*place == nowhere, "an item is in one heap only");
    ensure(items_.size() < nowhere, "a heap has fewer than 2^32 items");
    items_.push_back(&item);
    put(items_.size() - 1, item);
    rise(items_.size() - 1);
  }

  void erase(Item& item) {
    const std::size_t at = item.*place;
    ensure(at < items_.size() && items_[at] == &item, "the item is in this heap");
    item.*place = nowhere;
    auto& last = *items_.back();
    items_.pop_back();
    if (at == items_.size()) return;
    put(at, last);
    rise(at);
    sink(last.*place);
  }

  /// To be called after what `Before` looks at has changed.
  void moved(Item& item) {
    rise(item.*place);
    sink(item.*place);
  }

  /// Gives back memory that is no longer needed.
  void shrink() {
    if (items_.empty()) std::vector<Item*>{}.swap(items_);
  }

 private:
  void put(std::size_t at, Item& item) {
    items_[at] = &item;
    item.*place = static_cast<std::uint32_t>(at);
  }

  bool before(std::size_t a, std::size_t b) {
    ++comparisons_;
    return Before{}(*items_[a], *items_[b]);
  }

  void exchange(std::size_t a, std::size_t b) {
    auto& item = *items_[a];
    put(a, *items_[b]);
    put(b, item);
  }

  void rise(std::size_t at) {
    while (at > 0 && before(at, (at - 1) / 2)) {
      exchange(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
  }

  void sink(std::size_t at) {
    while (2 * at + 1 < items_.size()) {
      auto child = 2 * at + 1;
      if (child + 1 < items_.size() && before(child + 1, child)) ++child;
      if (!before(child, at)) return;
      exchange(at, child);
      at = child;
    }
  }

  std::vector<Item*> items_;
  std::uint64_t comparisons_ = 0;
};

}  // namespace posthorn::rules
