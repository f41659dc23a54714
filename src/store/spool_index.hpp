// The live messages in memory: where each stands, and per recipient what the queue plan needs and where its latest state
// stands. About 120 octets for a message with one recipient, 16 for each further one. Both recovery and the commit thread
// feed it with the same calls, so that what is in memory is what a restart would find.
// Not for several threads at once.
#pragma once

#include "store/segment_table.hpp"
#include "store/spool_record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace posthorn::store {

/// Where a record stands.
struct RecordPlace {
  std::uint32_t segment = 0;  ///< number
  std::uint32_t offset = 0;

  bool operator==(const RecordPlace&) const = default;
};

class SpoolIndex {
 public:
  struct Recipient {
    RecordPlace place;  ///< of its latest state; the message's own place when that is in the message record
    std::uint32_t next_attempt = 0;  ///< seconds since 1970
    std::uint16_t attempts = 0;
    RecipientStatus status = RecipientStatus::queued;
    bool report_due : 1 = false;
    bool warned : 1 = false;

    [[nodiscard]] bool is_final() const;
    [[nodiscard]] LiveRecipient live() const;
  };

  struct Message {
    RecordPlace place;
    std::uint32_t record_octets = 0;
    std::uint32_t changes = 0;  ///< counts the records about it, so that a copy made meanwhile is known to be old
    WallTime arrival{};
    std::uint64_t octets = 0;
    bool has_body_file = false;
    bool is_damaged = false;    ///< its text is known to be bad
    bool is_abandoned = false;  ///< its sender was told that it failed: to be removed
    std::uint32_t count = 0;
    Recipient first;
    std::unique_ptr<Recipient[]> further;  ///< when there are several: all of them

    [[nodiscard]] std::span<Recipient> recipients() { return {further ? further.get() : &first, count}; }
    [[nodiscard]] std::span<const Recipient> recipients() const { return {further ? further.get() : &first, count}; }
  };

  explicit SpoolIndex(SegmentTable& segments) : segments_(segments) {}

  /// A message record was met: a new message, or a copy that takes the place of an earlier one.
  void put(MessageId id, RecordPlace place, std::uint32_t record_octets, const MessageBrief& brief);
  /// An outcome of a message was met, here. One that names no known message, or no recipient of it, changes nothing.
  /// True: the message is gone, and had a body file.
  bool apply(MessageId id, RecordPlace place, const OutcomeFacts& outcomes);
  /// Takes the message out. True: it had a body file.
  bool erase(MessageId id);

  [[nodiscard]] Message* find(MessageId id);
  [[nodiscard]] const Message* find(MessageId id) const;
  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  /// Recipients of live messages in this state.
  [[nodiscard]] std::uint64_t count(RecipientStatus status) const { return counts_[static_cast<std::size_t>(status)]; }
  [[nodiscard]] const std::map<MessageId, Message>& all() const { return messages_; }
  [[nodiscard]] std::vector<LiveMessage> after(MessageId id, std::size_t limit) const;
  [[nodiscard]] static LiveMessage describe(MessageId id, const Message& message);

 private:
  void release(Message& message, bool leaves_stale_copy);
  void set_state(Message& message, Recipient& recipient, const LiveRecipient& state, RecordPlace place);

  SegmentTable& segments_;
  std::map<MessageId, Message> messages_;
  std::array<std::uint64_t, 5> counts_{};  // of recipients, by status
};

}  // namespace posthorn::store
