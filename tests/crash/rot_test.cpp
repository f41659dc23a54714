// Rot: turned bits, zeroed, stale and misdirected sectors, cut files (F7, F8, F9, F10). One damaged place costs at most the
// message it stands in; the rest is served, nothing is invented, and the damage is named and kept in corrupt/.
#include "histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::testing {
namespace {

using namespace std::chrono_literals;
using store::RecipientStatus;

/// A spool with a bit of everything, ended in good order.
class Rot : public ::testing::Test {
 protected:
  Rot() {
    SpoolHouse house;
    EXPECT_TRUE(house.start());
    SpoolScribe scribe{house, ledger};
    const auto ids =
        scribe.store({"first\r\n", std::string(600, '2') + "\r\n"}, {"alice@example.org", "bob@example.org"});
    scribe.record(ids[0], {outcome(0, RecipientStatus::delivered), outcome(1, RecipientStatus::queued, "451 later")});
    large = scribe.store_large(std::string(700, 'x'));
    const auto failed = scribe.store_one("fails\r\n");
    auto due = outcome(0, RecipientStatus::failed);
    due.state.report_due = true;
    scribe.record(failed, {due});
    due.state.report_due = false;
    (void)scribe.report(failed, {due});
    scribe.finish({scribe.store_one("gone\r\n")});
    house.stop();
    house.disk.cut_power();
    sim::KeepAll choice;
    image = house.disk.after_power_cut(choice);
  }

  [[nodiscard]] std::unique_ptr<sim::Disk> copy() const {
    sim::KeepAll choice;
    return image->after_power_cut(choice);
  }

  struct Verdict {
    std::string wrong;      ///< what may never be
    std::size_t lost = 0;   ///< acknowledged messages that cannot be delivered whole any more
    std::size_t back = 0;   ///< finished ones that are there again
    bool is_named = false;  ///< as damage, by recovery or when it was read
  };

  /// Starts the spool on the disk and compares all it serves.
  Verdict judge(std::unique_ptr<sim::Disk> disk) {
    Verdict verdict;
    SpoolHouse house{{}, std::move(disk)};
    if (const auto started = house.start(); !started) {
      verdict.wrong = "no start: " + started.error().text;
      return verdict;
    }
    for (const auto& live : house.spool().live_after(MessageId{}, 100)) {
      const auto known = ledger.entries.find(live.id);
      if (known == ledger.entries.end()) {
        verdict.wrong += "invented " + live.id.to_string() + "\n";
      } else if (SpoolLedger::is_over(known->second.states)) {
        ++verdict.back;
      }
    }
    for (const auto& [id, entry] : ledger.entries) {
      const auto loaded = house.load(id);
      // A report that is lost with the word that its message was reported: that message is back, and reports again.
      const bool is_made_again = entry.settles && house.spool().find(entry.settles->message);
      const bool is_over = SpoolLedger::is_over(entry.states) || is_made_again;
      if (!loaded) {
        verdict.lost += is_over ? 0U : 1U;
        continue;
      }
      const auto text = house.text_of(id);
      if (loaded->message.envelope != entry.facts.envelope)
        verdict.wrong += "another envelope of " + id.to_string() + "\n";
      if (text && *text != entry.text) verdict.wrong += "another text of " + id.to_string() + "\n";
      if (!text && !is_over) ++verdict.lost;
    }
    const auto facts = house.spool().facts();
    verdict.is_named = !house.report.damages.empty() || facts.damaged_messages > 0;
    if (verdict.lost > 0 && house.disk.tree("/state/spool/corrupt").empty()) verdict.wrong += "lost and not kept\n";
    if (!house.store("taken after the damage\r\n")) verdict.wrong += "takes no mail\n";
    return verdict;
  }

  /// Where the records of the segment end, about.
  [[nodiscard]] std::uint64_t used() const {
    const auto bytes = *image->contents(segment);
    return bytes.find_last_not_of('\0') + 1;
  }

  static constexpr const char* segment = "/state/spool/segment-00000001";
  SpoolLedger ledger;
  MessageId large;
  std::unique_ptr<sim::Disk> image;
};

TEST_F(Rot, NothingIsWrongWithoutIt) {
  const auto verdict = judge(copy());
  EXPECT_EQ(verdict.wrong, "");
  EXPECT_EQ(verdict.lost + verdict.back, 0U);
  EXPECT_FALSE(verdict.is_named);
}

TEST_F(Rot, ATurnedBitCostsAtMostOneMessageAndIsNamed) {
  const auto bytes = *image->contents(segment);
  std::size_t lost = 0;
  for (std::uint64_t at = 0; at < used(); at += 7) {
    auto disk = copy();
    const char turned = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
    disk->corrupt(segment, at, {&turned, 1});
    const auto verdict = judge(std::move(disk));
    ASSERT_EQ(verdict.wrong, "") << "at " << at;
    ASSERT_LE(verdict.lost + verdict.back, 1U) << "at " << at;
    ASSERT_TRUE(verdict.lost + verdict.back == 0 || verdict.is_named) << "at " << at;
    lost += verdict.lost;
  }
  EXPECT_GT(lost, 10U) << "the bits hit something";
}

TEST_F(Rot, ASectorThatIsLostOrNotItsOwnCostsWhatStoodInIt) {
  const auto bytes = *image->contents(segment);
  const auto sectors = used() / 512 + 1;
  for (std::uint64_t hit = 0; hit < sectors; ++hit) {
    for (std::uint64_t source = 0; source <= sectors; ++source) {
      auto disk = copy();
      disk->corrupt(segment, hit * 512, source == sectors ? std::string(512, '\0') : bytes.substr(source * 512, 512));
      const auto verdict = judge(std::move(disk));
      ASSERT_EQ(verdict.wrong, "") << source << " over " << hit;
      ASSERT_LE(verdict.lost + verdict.back, 3U) << source << " over " << hit;
      ASSERT_TRUE(verdict.lost == 0 || verdict.is_named) << source << " over " << hit;
    }
  }
}

TEST_F(Rot, ABodyThatRotsIsKeptAndItsEnvelopeStaysReadable) {
  const auto path = "/state/spool/bodies/" + large.to_string();
  for (std::uint64_t at = 0; at < 700; at += 50) {
    auto disk = copy();
    disk->corrupt(path, at, "?");
    SpoolHouse house{{}, std::move(disk)};
    ASSERT_TRUE(house.start());
    EXPECT_FALSE(house.text_of(large));
    const auto loaded = house.load(large);
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(loaded->message.damaged) << "so that the sender is told";
    EXPECT_EQ(loaded->message.envelope, ledger.entries.at(large).facts.envelope);
    EXPECT_TRUE(house.disk.contents("/state/spool/corrupt/" + large.to_string() + ".body"));
  }
}

TEST_F(Rot, AMissingBodyIsDamageOfItsMessageOnly) {
  auto disk = copy();
  disk->erase("/state/spool/bodies/" + large.to_string());
  SpoolHouse house{{}, std::move(disk)};
  ASSERT_TRUE(house.start());
  ASSERT_EQ(house.report.damages.size(), 1U);
  EXPECT_FALSE(house.text_of(large));
  EXPECT_TRUE(house.load(large)->message.damaged);
}

TEST_F(Rot, AFileThatIsCutOffServesWhatIsLeft) {
  const auto end = used();
  for (std::uint64_t size = 0; size < end; size += 64) {
    auto disk = copy();
    const auto bytes = disk->contents(segment)->substr(0, size);
    disk->erase(segment);
    disk->plant_file(segment, bytes);
    const auto verdict = judge(std::move(disk));
    ASSERT_FALSE(verdict.wrong.contains("invented") || verdict.wrong.contains("another") ||
                 verdict.wrong.contains("no start") || verdict.wrong.contains("takes no mail"))
        << size << ": " << verdict.wrong;
    ASSERT_TRUE(verdict.is_named) << "cut to " << size;
  }
}

TEST_F(Rot, ASegmentUnderAnothersNameOrTwiceIsReadOnce) {
  auto disk = copy();
  disk->plant_file("/state/spool/segment-00000077", *disk->contents(segment));
  auto twice = judge(std::move(disk));
  EXPECT_EQ(twice.wrong, "");
  EXPECT_EQ(twice.lost + twice.back, 0U);
  EXPECT_TRUE(twice.is_named);
  auto other = copy();
  other->move(segment, "/state/spool/segment-00000077");
  auto renamed = judge(std::move(other));
  EXPECT_EQ(renamed.wrong, "");
  EXPECT_EQ(renamed.lost + renamed.back, 0U);
}

TEST_F(Rot, WhatIsReadWithErrorsIsServedAroundThem) {
  for (std::uint64_t skip = 0; skip < 24; ++skip) {
    auto disk = copy();
    disk->plan({sim::DiskOperation::read, Error::Kind::io, skip, 3, segment});
    SpoolHouse house{{}, std::move(disk)};
    if (!house.start()) ASSERT_TRUE(house.start());
    for (const auto& [id, entry] : ledger.entries) {
      const auto text = house.text_of(id);
      if (text) EXPECT_EQ(*text, entry.text) << skip;
    }
  }
}

/// F9: a damaged record amid a batch of others; the scan goes on at the next one that checks.
TEST_F(Rot, GarbageOverAWholeRecordIsSkipped) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  SpoolLedger own;
  SpoolScribe scribe{house, own};
  const auto ids = scribe.store({"one\r\n", "two\r\n", "three\r\n"});
  house.stop();
  const auto bytes = *house.disk.contents(segment);
  const auto begin = bytes.find("PSRC", bytes.find("one\r\n"));
  const auto end = bytes.find("PSRC", begin + 4);
  std::string noise(end - begin, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 131 + 7);
  house.disk.corrupt(segment, begin, noise);
  ASSERT_TRUE(house.start());
  EXPECT_TRUE(house.text_of(ids[0]));
  EXPECT_FALSE(house.text_of(ids[1]));
  EXPECT_TRUE(house.text_of(ids[2]));
  ASSERT_EQ(house.report.damages.size(), 1U);
  EXPECT_EQ(house.report.damages[0].offset, begin);
  EXPECT_EQ(house.report.damages[0].octets, noise.size());
}

/// A message's author may write what looks like records of the spool: the life key is not in it.
TEST_F(Rot, ATextThatLooksLikeRecordsStaysText) {
  SpoolHouse house;
  ASSERT_TRUE(house.start());
  const auto first = house.store("one\r\n");
  const auto bytes = *house.disk.contents(segment);
  const auto at = bytes.find("PSRC");
  const auto forged = house.store(std::string(4, '.') + bytes.substr(at, 512));
  ASSERT_TRUE(forged);
  // Its own header is hit, so that the scan walks through its text.
  house.stop();
  const auto all = *house.disk.contents(segment);
  const auto header = all.find("PSRC", at + 512);
  house.disk.corrupt(segment, header, "X");
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.spool().facts().messages, 1U);
  EXPECT_EQ(house.text_of(*first), "Received: by mx\r\none\r\n");
}

}  // namespace
}  // namespace posthorn::testing
