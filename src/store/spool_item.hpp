// One thing on its way into the log, and the coroutine that waits for it. Inner to the spool.
// An item belongs to the front, then to the commit thread, then to the callback on its loop that resumes the waiter.
#pragma once

#include "base/result.hpp"
#include "store/body_file.hpp"
#include "store/spool_index.hpp"
#include "store/spool_record.hpp"
#include "world/loop.hpp"

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace posthorn::store {

class SpoolWait;

/// A message record, but for what it settles.
struct MessagePart {
  std::string record;  ///< room for the record header, then the facts
  std::uint32_t facts_checksum = 0;
  std::string head;
  std::string body;
  std::uint32_t content_checksum = 0;  ///< of head and body
  MessageBrief brief;
  FinishedBody body_file;
  std::optional<Settlement> settles;
  /// A copy of a message that stands elsewhere: good only while that is as it was read.
  struct Source {
    RecordPlace place;
    std::uint32_t changes = 0;
  };
  std::optional<Source> moved_from;
};

/// New states of recipients; or, restated, the latest states of some that stand elsewhere.
struct OutcomePart {
  std::vector<Outcome> outcomes;
  std::optional<RecordPlace> restated_from;
};

/// "This message is gone", said again because the record that said so first has to go.
struct FinishPart {
  std::vector<std::uint64_t> covers;
};

/// "Everything before is durable": written when the log rests, so that rot in its last batch is told from a torn write.
struct PausePart {};

struct SpoolItem {
  SpoolItem() = default;
  SpoolItem(const SpoolItem&) = delete;
  SpoolItem& operator=(const SpoolItem&) = delete;
  ~SpoolItem();

  MessageId id;
  std::variant<MessagePart, OutcomePart, FinishPart, PausePart> part;

  // ---- the commit thread's ----
  std::string facts;                     ///< record header and facts of outcomes; settlement of a message
  std::optional<OutcomeFacts> outcomes;  ///< as they are written
  std::uint64_t octets = 0;              ///< of the record
  std::uint32_t offset = 0;              ///< where it is written
  Result<> result;
  MonotonicTime failed_at{};

  // ---- the waiter's, on its loop ----
  world::Loop* loop = nullptr;  ///< none: nobody waits
  SpoolWait* waiter = nullptr;
  std::atomic<bool> is_abandoned = false;  ///< the waiter's deadline passed
};

using ItemPointer = std::unique_ptr<SpoolItem>;

class SpoolFront;

/// co_await SpoolWait{front, loop, item, deadline}: hands the item in and resumes with its result on the loop.
class [[nodiscard]] SpoolWait {
 public:
  SpoolWait(SpoolFront& front, world::Loop& loop, ItemPointer item, MonotonicTime deadline)
      : front_(front), loop_(loop), item_(std::move(item)), deadline_(deadline) {}
  SpoolWait(const SpoolWait&) = delete;
  SpoolWait& operator=(const SpoolWait&) = delete;
  ~SpoolWait();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  Result<> await_resume() { return std::move(result_); }

 private:
  friend struct SpoolItem;
  friend class SpoolFront;
  void finish(Result<> result);
  void time_out();

  SpoolFront& front_;
  world::Loop& loop_;
  ItemPointer item_;
  MonotonicTime deadline_;
  SpoolItem* pending_ = nullptr;
  std::coroutine_handle<> waiting_;
  world::TimerId timer_ = world::TimerId::none;
  Result<> result_;
};

}  // namespace posthorn::store
