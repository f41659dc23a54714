#include "store/outcome_plan.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

constexpr MessageId id{7};
constexpr RecordPlace message_place{1, 1024};
constexpr RecordPlace outcome_place{1, 2048};

/// A message for two, of whom the first was delivered, by a record of its own, and is still to be reported.
struct Known {
  SegmentTable segments;
  SpoolIndex index{segments};

  Known() {
    SegmentHeader header;
    header.number = 1;
    header.generation = 3;
    segments.add(header, SegmentStage::sealed);
    index.put(id, message_place, 512, {.recipients = std::vector<LiveRecipient>(2)});
    index.apply(id, outcome_place, {.outcomes = {delivered(0, true)}});
  }

  static Outcome delivered(std::uint32_t recipient, bool report_due) {
    return {recipient, {.status = RecipientStatus::delivered, .report_due = report_due}};
  }
};

// Seeds 1587 and 1717: compaction said an outcome again, and the next record of the same batch was dropped in silence.
TEST(OutcomePlan, AnOutcomeBehindARestatedOneOfTheSameMessageIsRecorded) {
  Known known;
  OutcomePlan plan(known.index, known.segments);
  ASSERT_TRUE(plan.restate(id, {Known::delivered(0, true)}, outcome_place));
  const auto reported = plan.record(id, {Known::delivered(0, false)});
  ASSERT_TRUE(reported);
  EXPECT_EQ(reported->outcomes.size(), 1U);
  EXPECT_FALSE(reported->finishes);
  const auto last = plan.record(id, {Known::delivered(1, false)});
  ASSERT_TRUE(last);
  EXPECT_TRUE(last->finishes);
}

TEST(OutcomePlan, WhatWasRecordedInTheSameBatchIsNotSaidAgain) {
  Known known;
  OutcomePlan plan(known.index, known.segments);
  ASSERT_TRUE(plan.record(id, {Known::delivered(0, false)}));
  EXPECT_FALSE(plan.restate(id, {Known::delivered(0, true)}, outcome_place));
}

TEST(OutcomePlan, AFinalRecipientKeepsItsStateWithinOneBatch) {
  Known known;
  OutcomePlan plan(known.index, known.segments);
  ASSERT_TRUE(plan.record(id, {Known::delivered(1, false)}));
  EXPECT_FALSE(plan.record(id, {{1, {.status = RecipientStatus::failed}}}));
}

}  // namespace
}  // namespace posthorn::store
