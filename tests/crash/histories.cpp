#include "histories.hpp"

namespace posthorn::testing {
namespace {

using namespace std::chrono_literals;
using store::RecipientStatus;

const std::vector<std::string> two{"alice@example.org", "bob@example.org"};

store::Outcome due_failure() {
  auto failed = outcome(0, RecipientStatus::failed, "550 no");
  failed.state.report_due = true;
  return failed;
}

store::Outcome told_failure() {
  auto failed = outcome(0, RecipientStatus::failed, "550 no");
  failed.state.status_code = "5.1.1";
  return failed;
}

void one_message(SpoolScribe& scribe) { (void)scribe.store_one("one\r\n"); }

void three_messages(SpoolScribe& scribe) {
  (void)scribe.store_one("one\r\n");
  (void)scribe.store_one(std::string(1500, '2') + "\r\n", two);
  (void)scribe.store_one("three\r\n");
}

void group_commit(SpoolScribe& scribe) {
  (void)scribe.store({"one\r\n", std::string(700, '2') + "\r\n", "three\r\n"});
  (void)scribe.store({"four\r\n", "five\r\n"}, two);
}

void large_bodies(SpoolScribe& scribe) {
  const auto id = scribe.store_large(std::string(1300, 'x') + "\r\n");
  (void)scribe.store_large(std::string(512, 'y'));
  scribe.finish({id});
  scribe.rest(10ms);
}

void outcomes(SpoolScribe& scribe) {
  const auto ids = scribe.store({"one\r\n", "two\r\n"}, two);
  if (ids.size() < 2) return;
  scribe.record(ids[0], {outcome(0, RecipientStatus::delivered)});
  scribe.record_together({{ids[0], {outcome(1, RecipientStatus::queued, "451 later")}},
                          {ids[1], {outcome(0, RecipientStatus::held), outcome(1, RecipientStatus::removed)}}});
  scribe.finish(ids);
}

void settlement(SpoolScribe& scribe) {
  const auto id = scribe.store_one("one\r\n");
  scribe.record(id, {due_failure()});
  const auto report = scribe.report(id, {told_failure()});
  scribe.finish({report});
}

void settlement_of_one_of_two(SpoolScribe& scribe) {
  const auto id = scribe.store_one("one\r\n", two);
  scribe.record(id, {due_failure()});
  (void)scribe.report(id, {told_failure()});
  scribe.record(id, {outcome(1, RecipientStatus::queued, "451 greylisted")});
}

void finish_all_of_before(SpoolScribe& scribe) {
  const auto id = scribe.store_one("of the next life\r\n");
  scribe.finish({id});
}

/// Segments hold 7 KiB: each of these fills one with little that stays, so that they die, are recycled and compacted.
void churn(SpoolScribe& scribe) {
  const auto stays = scribe.store_one("stays\r\n", two);
  std::vector<MessageId> last;
  for (int i = 0; i < 4; ++i) {
    auto ids = scribe.store({std::string(2600, static_cast<char>('a' + i)) + "\r\n", std::string(2600, 'x') + "\r\n"});
    scribe.finish(ids);
  }
  scribe.record(stays, {outcome(0, RecipientStatus::delivered)});
  scribe.rest(2s);
  (void)scribe.store_one("at the end\r\n");
}

/// A message whose latest outcome stands in a segment that gets compacted.
void churn_of_outcomes(SpoolScribe& scribe) {
  const auto first = scribe.store_one("first\r\n", two);
  for (int i = 0; i < 4; ++i) {
    scribe.record(first,
                  {outcome(static_cast<std::uint32_t>(i % 2), RecipientStatus::queued, "451 " + std::to_string(i))});
    const auto id = scribe.store_one(std::string(5200, static_cast<char>('a' + i)) + "\r\n");
    scribe.finish({id});
    scribe.rest(1s);
  }
  scribe.finish({first});
  scribe.rest(1s);
}

/// Large bodies and reports on the move.
void churn_of_reports(SpoolScribe& scribe) {
  const auto large = scribe.store_large(std::string(600, 'x'));
  const auto failed = scribe.store_one("to fail\r\n", two);
  scribe.record(failed, {due_failure()});
  (void)scribe.report(failed, {told_failure()});
  for (int i = 0; i < 3; ++i) {
    scribe.finish(scribe.store({std::string(5200, static_cast<char>('a' + i)) + "\r\n"}));
    scribe.rest(1s);
  }
  scribe.finish({large});
  scribe.rest(2s);
}

}  // namespace

const std::vector<SpoolHistory>& short_histories() {
  static const std::vector<SpoolHistory> histories{
      {"FirstStart", false, {[](SpoolScribe&) {}}},
      {"OneMessage", false, {one_message}},
      {"ThreeMessages", false, {three_messages}},
      {"GroupCommit", false, {group_commit}},
      {"LargeBodies", false, {large_bodies}},
      {"Outcomes", false, {outcomes}},
      {"Settlement", false, {settlement}},
      {"SettlementOfOneOfTwo", false, {settlement_of_one_of_two}},
      {"SecondLife", false, {three_messages, finish_all_of_before}},
      {"ThirdLife", false, {outcomes, settlement_of_one_of_two, one_message}},
  };
  return histories;
}

const std::vector<SpoolHistory>& long_histories() {
  static const std::vector<SpoolHistory> histories{
      {"Churn", true, {churn}},
      {"ChurnOfOutcomes", true, {churn_of_outcomes}},
      {"ChurnOfReports", true, {churn_of_reports, finish_all_of_before}},
  };
  return histories;
}

::testing::AssertionResult survives(std::unique_ptr<sim::Disk> disk, SpoolLedger ledger, bool goes_on) {
  auto& watched = *disk;
  SpoolHouse house{{}, std::move(disk)};
  const auto judge = [&](const char* when) -> ::testing::AssertionResult {
    if (const auto started = house.start(); !started) {
      return ::testing::AssertionFailure() << when << ": no start: " << started.error().text << "\n" << watched.trace();
    }
    if (const auto wrong = ledger.judge(house); !wrong.empty()) {
      return ::testing::AssertionFailure() << when << ": " << wrong << watched.trace();
    }
    return ::testing::AssertionSuccess();
  };
  if (auto first = judge("after the cut"); !first || !goes_on) return first;
  SpoolScribe scribe{house, ledger};
  std::vector<MessageId> old;
  for (const auto& live : house.spool().live_after(MessageId{}, 1000)) old.push_back(live.id);
  const auto fresh = scribe.store_one("after the crash\r\n");
  if (ledger.entries.at(fresh).standing != SpoolLedger::Standing::stored) {
    return ::testing::AssertionFailure() << "takes no mail after the crash\n" << watched.trace();
  }
  scribe.finish(old);
  house.power_cut();
  return judge("after one more cut");
}

}  // namespace posthorn::testing
