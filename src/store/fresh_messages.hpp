// FreshMessages: what was stored a moment ago, still in memory, so that its first attempt need not read it back from the log.
// A memory, not a promise: bounded, the oldest leave first, and what is not here is read from the log. Who asks makes sure
// that nothing was recorded about the message since. Any thread. Inner to the spool.
#pragma once

#include "base/message_id.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace posthorn::store {

/// As it was written, but for its record header.
struct FreshMessage {
  std::string facts;    ///< with room for the record header before them
  std::string content;  ///< head and body
  std::uint32_t content_checksum = 0;
  bool has_one_reader = false;  ///< it leaves with whoever takes it
};

class FreshMessages {
 public:
  /// 0: none is kept.
  explicit FreshMessages(std::size_t octets) : limit_(octets) {}

  [[nodiscard]] bool takes(std::size_t octets) const { return octets <= limit_ / share_of_one; }
  void keep(MessageId id, FreshMessage message);
  [[nodiscard]] std::optional<FreshMessage> take(MessageId id);

 private:
  struct Kept {
    MessageId id;
    FreshMessage message;
    [[nodiscard]] std::size_t octets() const { return overhead + message.facts.size() + message.content.size(); }
  };
  using Line = std::list<Kept>;
  static constexpr std::size_t share_of_one = 64;
  static constexpr std::size_t overhead = 200;

  void drop(Line::iterator which);

  std::mutex mutex_;
  std::size_t limit_;
  std::size_t octets_ = 0;
  Line line_;  // oldest first
  std::unordered_map<MessageId, Line::iterator> by_id_;
};

}  // namespace posthorn::store
