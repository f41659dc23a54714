#include "store/fresh_messages.hpp"

#include <iterator>
#include <utility>

namespace posthorn::store {

void FreshMessages::keep(MessageId id, FreshMessage message) {
  const std::lock_guard lock{mutex_};
  line_.push_back({id, std::move(message)});
  const auto at = std::prev(line_.end());
  if (!by_id_.try_emplace(id, at).second) {
    line_.erase(at);
    return;
  }
  octets_ += at->octets();
  while (octets_ > limit_) drop(line_.begin());
}

std::optional<FreshMessage> FreshMessages::take(MessageId id) {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  const auto at = found->second;
  if (!at->message.has_one_reader) return at->message;
  octets_ -= at->octets();
  auto message = std::move(at->message);
  by_id_.erase(found);
  line_.erase(at);
  return message;
}

void FreshMessages::drop(Line::iterator which) {
  octets_ -= which->octets();
  by_id_.erase(which->id);
  line_.erase(which);
}

}  // namespace posthorn::store
