// SpoolWriter: the commit thread's work. It turns what gathered into batches, each one write and one sync, applies what
// is durable to the index, and only then has it answered.
//
//   a write or sync fails -> the segment is sealed for good (I22); what the batch held is void: a fresh segment's header
//   says so, durably, before the waiters hear of the failure, so that nothing refused is ever delivered (I4). While no
//   fresh segment can be written, everything is refused at once and probe() tries again.
//
// Everything but the constructor runs on the commit worker. Inner to the spool.
#pragma once

#include "store/segment_supply.hpp"
#include "store/spool_front.hpp"
#include "world/clock.hpp"
#include "world/log.hpp"
#include "world/random.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace posthorn::store {

class OutcomePlan;

class SpoolWriter {
 public:
  struct Parts {
    SpoolState& state;
    SegmentFolder& folder;
    SegmentSupply& supply;
    SpoolFront& front;
    const SpoolSettings& settings;
    const SpoolWorld& world;
    /// Bodies of messages that are gone; the files may be removed.
    std::function<void(std::vector<MessageId>)> on_bodies_free;
    /// A segment was begun or the disk fails: maintenance has something to do.
    std::function<void()> on_need;
  };
  explicit SpoolWriter(Parts parts) : parts_(std::move(parts)) {}

  void write(SpoolFront::Items items);
  /// While no segment can be written: tries a fresh one.
  void probe();
  /// The log rests: says so in it, so that damage to its last batch can be told from a write that the power cut short.
  void mark_pause();
  /// Answers failed commits that have waited for their voiding for `verdict_wait`, or all of them.
  void answer_overdue(bool all);

 private:
  using Queue = std::deque<ItemPointer>;
  struct Batch {
    std::vector<ItemPointer> items;
    std::uint64_t octets = 0;
  };
  struct Active {
    SegmentHeader header;
    std::shared_ptr<world::File> file;
    std::uint64_t next = 0;  ///< where the next batch starts
    bool is_fresh = true;    ///< its header is written with the first batch
  };

  void make_room_for(Queue& items);

  // ---- gathering a batch; with the mutex held ----
  Batch gather(Queue& items);
  [[nodiscard]] Result<> prepare(SpoolItem& item, OutcomePlan& plan);
  [[nodiscard]] Result<> prepare(SpoolItem& item, MessagePart& part, OutcomePlan& plan);
  [[nodiscard]] Result<> prepare(SpoolItem& item, OutcomePart& part, OutcomePlan& plan);
  [[nodiscard]] Result<> prepare(SpoolItem& item, FinishPart& part);
  [[nodiscard]] Result<> prepare(SpoolItem& item);
  [[nodiscard]] Result<> admit(const SpoolItem& item) const;
  [[nodiscard]] Result<> knows_all_about(MessageId id) const;
  [[nodiscard]] bool fits(const Batch& batch, const SpoolItem& item) const;

  // ---- writing it ----
  void commit(Batch batch);
  void lay_out(Batch& batch);
  [[nodiscard]] Result<> write_out(const Batch& batch);
  void apply(Batch& batch);
  void apply(SpoolItem& item);
  [[nodiscard]] Result<> begin_segment(SegmentNeed need, std::uint64_t octets);
  void seal();

  // ---- failures ----
  void fail(Batch batch, const Error& error);
  void give_up_segment(std::uint32_t void_from, const Error& error);
  [[nodiscard]] Result<> declare_voids();
  void set_failing(const Error& error);
  void refuse(Queue& items, const Error& error);

  void done(ItemPointer item);
  void flush();

  Parts parts_;
  std::optional<Active> active_;
  std::vector<MessageId> free_bodies_;
  SpoolFront::Items done_;
  std::deque<ItemPointer> undecided_;  // failed, and not yet declared void
};

}  // namespace posthorn::store
