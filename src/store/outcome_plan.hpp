// Decides, for the outcomes of one batch, what is written: which of them still mean something, and whether one finishes
// its message. It sees the index and, on top of it, what earlier records of the same batch will change there.
// Used by the commit thread while it holds the spool's mutex; for one batch. Inner to the spool.
#pragma once

#include "store/spool_index.hpp"

#include <map>
#include <optional>
#include <vector>

namespace posthorn::store {

class OutcomePlan {
 public:
  OutcomePlan(const SpoolIndex& index, const SegmentTable& segments) : index_(index), segments_(segments) {}

  /// What to record for these. None: the message is unknown, or nothing of it would change. A recipient whose state is
  /// final keeps it (I1: never two final states).
  [[nodiscard]] std::optional<OutcomeFacts> record(MessageId id, const std::vector<Outcome>& outcomes);
  /// The same for latest states that stand at `from` and are said again elsewhere: only those that still stand there.
  [[nodiscard]] std::optional<OutcomeFacts> restate(MessageId id, const std::vector<Outcome>& outcomes,
                                                    RecordPlace from);
  /// Whether a record of this batch is about the message.
  [[nodiscard]] bool touches(MessageId id) const { return planned_.contains(id); }

 private:
  using Finals = std::vector<bool>;

  /// From here on the batch has a record about the message.
  Finals& finals_of(MessageId id, const SpoolIndex::Message& message);

  const SpoolIndex& index_;
  const SegmentTable& segments_;
  std::map<MessageId, Finals> planned_;  // which recipients will be final
};

}  // namespace posthorn::store
