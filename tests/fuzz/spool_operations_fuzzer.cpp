// Drawn operations on a spool, with power cuts, kills, failing syncs and rests between them, against the ledger: a model in
// memory of what was answered. Each octet of the input chooses a step.
#include "base/assert.hpp"
#include "sim/disk.hpp"
#include "store/spool.hpp"
#include "support/spool_ledger.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace posthorn;
using testing::SpoolHouse;
using testing::SpoolLedger;
using testing::SpoolScribe;

namespace {

class Run {
 public:
  Run(const std::uint8_t* data, std::size_t size) : data_(data), size_(std::min<std::size_t>(size, most_steps)) {
    ensure(house_.start().has_value(), "a spool starts");
  }

  void go() {
    while (at_ < size_) step();
    end_by_cut();
    judge();
  }

 private:
  static constexpr std::size_t most_steps = 96;

  std::uint8_t next() { return at_ < size_ ? data_[at_++] : std::uint8_t{0}; }
  [[nodiscard]] MessageId some_message() {
    if (ledger_.entries.empty()) return {};
    auto found = ledger_.entries.begin();
    std::advance(found, next() % ledger_.entries.size());
    return found->first;
  }
  static store::Outcome drawn_outcome(std::uint8_t drawn) {
    auto outcome = testing::outcome(drawn & 1U, static_cast<store::RecipientStatus>(drawn / 2 % 5),
                                    "450 " + std::to_string(drawn));
    outcome.state.report_due = (drawn & 64U) != 0 && (outcome.state.status == store::RecipientStatus::failed);
    return outcome;
  }

  void step() {
    SpoolScribe scribe{house_, ledger_};
    switch (next() % 12) {
      case 0:
        (void)scribe.store_one("one\r\n", two_);
        break;
      case 1:
        (void)scribe.store({std::string(next() * 20U, 'a'), "b\r\n", std::string(next() * 10U, 'c')});
        break;
      case 2:
        (void)scribe.store_large(std::string(1 + next() * 8U, 'z'));
        break;
      case 3:
        scribe.finish({some_message()});
        break;
      case 4:
        scribe.record(some_message(), {drawn_outcome(next())});
        break;
      case 5:
        scribe.record_together({{some_message(), {drawn_outcome(next())}}});
        break;
      case 6:
        report(scribe);
        break;
      case 7:
        scribe.rest(std::chrono::milliseconds{next() * 20});
        break;
      case 8:
        restart();
        break;
      case 9:
        house_.disk.plan({sim::DiskOperation::sync_data, Error::Kind::io, next() % 4U, 1, "/segment-"});
        break;
      case 10:
        house_.disk.cut_power_at(house_.disk.operations() + 1 + next() % 16U);
        break;
      default:
        scribe.finish(all_live());
        break;
    }
    if (house_.disk.power_is_off()) {
      end_by_cut();
      judge();
    }
  }

  void report(SpoolScribe& scribe) {
    const auto about = some_message();
    if (!ledger_.entries.contains(about) || ledger_.entries.at(about).standing != SpoolLedger::Standing::stored) return;
    (void)scribe.report(about, {drawn_outcome(next() & 63U)});
  }
  std::vector<MessageId> all_live() {
    std::vector<MessageId> ids;
    for (const auto& live : house_.spool().live_after(MessageId{}, 1000)) ids.push_back(live.id);
    return ids;
  }

  void restart() {
    house_.kill();
    house_.disk.forget_plan();
    const auto started = house_.start();
    if (house_.disk.power_is_off()) return;
    ensure(started.has_value(), "it starts again");
    judge();
  }
  /// The power goes here, if it has not, and once more while it recovers.
  void end_by_cut() {
    sim::SeededChoice choice{next() * 257U + at_};
    house_.kill();
    house_.disk.cut_power();
    house_.power_cut(choice);
    house_.disk.cut_power_at(house_.disk.operations() + 1 + choice.pick(20));
    (void)house_.start();
    house_.kill();
    house_.disk.cut_power();
    house_.power_cut(choice);
    ensure(house_.start().has_value(), "it starts after a power cut");
  }
  void judge() {
    const auto wrong = ledger_.judge(house_);
    if (house_.disk.power_is_off()) return end_by_cut();
    ensure(wrong.empty(), wrong + house_.disk.trace());
  }

  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
  const std::vector<std::string> two_{"alice@example.org", "bob@example.org"};
  SpoolHouse house_{{.maintains = true}};
  SpoolLedger ledger_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Run{data, size}.go();
  return 0;
}
