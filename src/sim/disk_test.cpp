// The simulated disk forgets what it must: one test for each rule.
#include "sim/disk.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace posthorn::sim {
namespace {

using world::EntryType;

class DiskTest : public ::testing::Test {
 protected:
  explicit DiskTest(DiskSettings settings = {}) : disk(settings), root(disk.make_root("/d", 0700).value()) {}

  std::unique_ptr<world::File> create(std::string_view name) { return root->create_file(name, 0600).value(); }
  void write(std::string_view name, std::string_view bytes) {
    auto file = create(name);
    ASSERT_TRUE(file->write_at(0, bytes));
  }
  /// A file that is there for good.
  void settle(std::string_view name, std::string_view bytes) {
    auto file = create(name);
    ASSERT_TRUE(file->write_at(0, bytes));
    ASSERT_TRUE(file->sync_data());
    ASSERT_TRUE(root->sync());
  }
  void reboot(CrashChoice&& choice) {
    disk.cut_power();
    disk.reboot(choice);
    root = disk.open_root("/d").value();
  }
  /// Every content that the file may have after a cut now; "-" for no file.
  std::set<std::string> possible(const std::string& path) {
    std::set<std::string> seen;
    ExhaustiveChoice choice;
    do seen.insert(disk.after_power_cut(choice)->contents(path).value_or("-"));
    while (choice.next());
    return seen;
  }

  Disk disk;
  std::unique_ptr<world::Folder> root;
};

std::string block(char fill, std::size_t size = 512) { return std::string(size, fill); }

std::set<std::vector<std::string>> possible_trees(const Disk& disk, const std::string& path) {
  std::set<std::vector<std::string>> seen;
  ExhaustiveChoice choice;
  do seen.insert(disk.after_power_cut(choice)->tree(path));
  while (choice.next());
  return seen;
}

TEST_F(DiskTest, AFileIsReadAsItWasWritten) {
  auto file = create("a");
  const std::array<std::string_view, 2> pieces{"hello ", "world"};
  ASSERT_TRUE(file->write_at(2, pieces));
  std::string into(20, '?');
  EXPECT_EQ(file->read_at(1, into).value(), 12U) << "fewer only at the end";
  EXPECT_EQ(into.substr(0, 12), std::string("\0hello world", 12));
  EXPECT_EQ(file->read_at(50, into).value(), 0U);
  EXPECT_EQ(file->size().value(), 13U);
  ASSERT_TRUE(file->truncate(3));
  EXPECT_EQ(disk.contents("/d/a"), std::string("\0\0h", 3));
}

TEST_F(DiskTest, SyncedBytesUnderASyncedNameStay) {
  settle("a", "kept");
  EXPECT_EQ(possible("/d/a"), std::set<std::string>{"kept"});
}

TEST_F(DiskTest, BytesWithoutSyncMayBeLostOrKept) {
  settle("a", block('o'));
  auto file = root->open_file("a", true).value();
  ASSERT_TRUE(file->write_at(0, block('n')));
  EXPECT_EQ(possible("/d/a"), (std::set{block('o'), block('n')}));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(possible("/d/a"), std::set{block('n')});
}

TEST_F(DiskTest, ANameWithoutFolderSyncIsForgottenThoughItsBytesWereSynced) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, "bytes"));
  ASSERT_TRUE(file->sync_data());
  EXPECT_EQ(possible("/d/a"), (std::set<std::string>{"-", "bytes"}));
  reboot(LoseAll{});
  EXPECT_EQ(disk.contents("/d/a"), std::nullopt);
}

TEST_F(DiskTest, AFolderSyncDoesNotSyncBytes) {
  write("a", block('n'));
  ASSERT_TRUE(root->sync());
  const auto seen = possible("/d/a");
  EXPECT_TRUE(seen.contains("")) << "the name without its bytes";
  EXPECT_TRUE(seen.contains(block('n')));
  EXPECT_FALSE(seen.contains("-"));
}

TEST_F(DiskTest, AFolderWithoutParentSyncIsForgottenWithAllInIt) {
  ASSERT_TRUE(root->make_folder("sub", 0700));
  auto sub = root->open_folder("sub").value();
  auto file = sub->create_file("a", 0600).value();
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(sub->sync());
  EXPECT_EQ(possible("/d/sub/a"), (std::set<std::string>{"-", ""}));
  ASSERT_TRUE(root->sync());
  EXPECT_EQ(possible("/d/sub/a"), std::set<std::string>{""});
}

TEST_F(DiskTest, ARemovalWithoutSyncMayComeBack) {
  settle("a", "ghost");
  ASSERT_TRUE(root->remove("a"));
  EXPECT_EQ(disk.contents("/d/a"), std::nullopt);
  EXPECT_EQ(possible("/d/a"), (std::set<std::string>{"-", "ghost"}));
  ASSERT_TRUE(root->sync());
  EXPECT_EQ(possible("/d/a"), std::set<std::string>{"-"});
}

TEST_F(DiskTest, ReplacingByRenameLeavesTheOldOrTheNewFile) {
  settle("a", "old");
  settle("b", "new");
  ASSERT_TRUE(root->rename("b", *root, "a", true));
  EXPECT_EQ(possible("/d/a"), (std::set<std::string>{"old", "new"}));
}

TEST_F(DiskTest, ARenameBetweenFoldersMayArriveHalf) {
  ASSERT_TRUE(disk.plant_folder("/d/tmp"));
  ASSERT_TRUE(disk.plant_folder("/d/new"));
  ASSERT_TRUE(disk.plant_file("/d/tmp/m", "mail"));
  auto tmp = root->open_folder("tmp").value();
  auto fresh = root->open_folder("new").value();
  ASSERT_TRUE(tmp->rename("m", *fresh, "m", false));
  const auto trees = possible_trees(disk, "/d");
  EXPECT_EQ(trees.size(), 4U) << "in neither, in one, in the other, in both";
  ASSERT_TRUE(fresh->sync());
  EXPECT_EQ(possible("/d/new/m"), std::set<std::string>{"mail"});
  EXPECT_EQ(possible("/d/tmp/m"), (std::set<std::string>{"-", "mail"}));
}

TEST_F(DiskTest, AWriteOfSeveralSectorsMayBeTorn) {
  settle("a", block('o', 1024));
  auto file = root->open_file("a", true).value();
  ASSERT_TRUE(file->write_at(0, block('n', 1024)));
  EXPECT_TRUE(possible("/d/a").contains(block('n') + block('o')));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SeededChoice choice{seed};
    seen.insert(*disk.after_power_cut(choice)->contents("/d/a"));
  }
  EXPECT_EQ(seen, (std::set{block('o', 1024), block('n', 1024), block('n') + block('o'), block('o') + block('n')}));
}

TEST_F(DiskTest, GarbageStandsOnlyWhereTheFileGrew) {
  settle("a", block('o', 1024));
  auto file = root->open_file("a", true).value();
  ASSERT_TRUE(file->write_at(512, block('n', 1024)));
  bool garbage = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededChoice choice{seed};
    const auto after = *disk.after_power_cut(choice)->contents("/d/a");
    const auto second = after.substr(512, 512);
    EXPECT_EQ(after.substr(0, 512), block('o')) << seed;
    EXPECT_TRUE(second == block('o') || second == block('n')) << seed;
    garbage |= after.size() > 1024 && after.substr(1024) != block('n');
  }
  EXPECT_TRUE(garbage);
}

TEST_F(DiskTest, WritesAreLostIndependentlyWhenReordered) {
  settle("a", block('o', 1024));
  auto file = root->open_file("a", true).value();
  ASSERT_TRUE(file->write_at(0, block('1')));
  ASSERT_TRUE(file->write_at(512, block('2')));
  EXPECT_TRUE(possible("/d/a").contains(block('o') + block('2'))) << "the later without the earlier";
  EXPECT_EQ(possible("/d/a").size(), 4U);
}

TEST_F(DiskTest, ATruncationMayBeLost) {
  settle("a", "long text");
  auto file = root->open_file("a", true).value();
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(possible("/d/a"), (std::set<std::string>{"long text", "long"}));
}

TEST(DiskModes, InPrefixModeTheLaterNameNeedsTheEarlier) {
  Disk disk{{.mode = CrashMode::prefix}};
  auto root = disk.make_root("/d", 0700).value();
  ASSERT_TRUE(root->create_file("a", 0600));
  ASSERT_TRUE(root->create_file("b", 0600));
  const auto trees = possible_trees(disk, "/d");
  EXPECT_EQ(trees, (std::set<std::vector<std::string>>{{}, {"/d/a"}, {"/d/a", "/d/b"}}));
}

TEST(DiskModes, InOrderedModeOneJournalServesAllFolders) {
  Disk disk{{.mode = CrashMode::ordered}};
  ASSERT_TRUE(disk.plant_folder("/x"));
  ASSERT_TRUE(disk.plant_folder("/y"));
  auto x = disk.open_root("/x").value();
  auto y = disk.open_root("/y").value();
  ASSERT_TRUE(x->create_file("a", 0600));
  ASSERT_TRUE(x->rename("a", *y, "a", false));
  const auto trees = possible_trees(disk, "/");
  EXPECT_EQ(trees, (std::set<std::vector<std::string>>{{"/x/", "/y/"}, {"/x/", "/x/a", "/y/"}, {"/x/", "/y/", "/y/a"}}))
      << "a rename is whole";
  ASSERT_TRUE(x->create_file("b", 0600));
  ASSERT_TRUE(y->sync());
  LoseAll nothing;
  EXPECT_EQ(disk.after_power_cut(nothing)->tree("/"), (std::vector<std::string>{"/x/", "/x/b", "/y/", "/y/a"}))
      << "a sync commits the journal";
}

TEST(DiskModes, DelayedAllocationLeavesTheSizeWithoutTheBytes) {
  Disk disk{{.mode = CrashMode::delayed_allocation}};
  auto root = disk.make_root("/d", 0700).value();
  auto file = root->create_file("a", 0600).value();
  ASSERT_TRUE(file->write_at(0, "mail"));
  ASSERT_TRUE(root->sync());
  std::set<std::string> seen;
  ExhaustiveChoice choice;
  do seen.insert(*disk.after_power_cut(choice)->contents("/d/a"));
  while (choice.next());
  EXPECT_EQ(seen, (std::set<std::string>{"", std::string(4, '\0'), "mail"}));
}

// ---- power ----

TEST_F(DiskTest, AfterTheCutNothingIsDoneAndOldHandlesStayDead) {
  settle("a", "before");
  const auto done = disk.operations();
  auto file = root->open_file("a", true).value();
  disk.cut_power_at(done + 2);
  EXPECT_TRUE(file->write_at(0, "AFTER!"));
  EXPECT_FALSE(file->sync_data()) << "the operation of the cut is not done";
  EXPECT_TRUE(disk.power_is_off());
  EXPECT_FALSE(root->create_file("b", 0600));
  EXPECT_FALSE(disk.open_root("/d"));
  LoseAll choice;
  disk.reboot(choice);
  EXPECT_EQ(disk.contents("/d/a"), "before");
  EXPECT_FALSE(file->sync_data());
  EXPECT_FALSE(file->write_at(0, "again"));
  EXPECT_FALSE(root->facts("a"));
  EXPECT_EQ(disk.contents("/d/a"), "before");
  EXPECT_TRUE(disk.open_root("/d").value()->open_file("a", true).value()->write_at(0, "new life"));
}

TEST_F(DiskTest, AKilledProgramLosesNothingUntilThePowerGoesToo) {
  settle("a", "old!");
  auto file = root->open_file("a", true).value();
  auto lock = root->lock("lock").value();
  ASSERT_TRUE(file->write_at(0, "new!"));
  disk.cut_power_at(disk.operations() + 1);
  EXPECT_FALSE(file->sync_data());
  disk.restart();
  EXPECT_FALSE(file->sync_data()) << "held by the dead";
  EXPECT_EQ(disk.contents("/d/a"), "new!");
  file.reset();
  lock.reset();
  EXPECT_EQ(disk.open_handles(), 1U) << "the root folder";
  EXPECT_TRUE(disk.open_root("/d").value()->lock("lock"));
  EXPECT_EQ(possible("/d/a"), (std::set<std::string>{"old!", "new!"})) << "still not synced";
}

TEST_F(DiskTest, EverythingMayArriveAsWell) {
  write("a", block('x', 5000));
  reboot(KeepAll{});
  EXPECT_EQ(disk.contents("/d/a"), block('x', 5000));
}

TEST_F(DiskTest, EqualSeedsLeaveEqualDisks) {
  for (const auto* name : {"a", "b", "c"}) write(name, block('x', 3000));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededChoice one{seed};
    SeededChoice other{seed};
    const auto first = disk.after_power_cut(one);
    const auto second = disk.after_power_cut(other);
    EXPECT_EQ(first->tree(), second->tree());
    for (const auto& path : first->tree()) EXPECT_EQ(first->contents(path), second->contents(path));
  }
}

TEST_F(DiskTest, ALookAtTheAftermathChangesNothing) {
  write("a", "text");
  LoseAll choice;
  const auto after = disk.after_power_cut(choice);
  EXPECT_EQ(after->tree("/d"), std::vector<std::string>{});
  EXPECT_EQ(disk.contents("/d/a"), "text");
  EXPECT_TRUE(root->sync());
}

TEST_F(DiskTest, OnlyChangesAreCounted) {
  settle("a", "text");
  const auto done = disk.operations();
  ASSERT_TRUE(root->list());
  ASSERT_TRUE(root->facts("a"));
  std::string into(4, ' ');
  ASSERT_TRUE(root->open_file("a", false).value()->read_at(0, into));
  EXPECT_EQ(disk.operations(), done);
}

// ---- faults ----

TEST_F(DiskTest, TheNthOperationOfAKindFails) {
  disk.plan({.operation = DiskOperation::write, .skip = 1, .path = "/d/b"});
  auto a = create("a");
  auto b = create("b");
  EXPECT_TRUE(b->write_at(0, "1"));
  EXPECT_TRUE(a->write_at(0, "2"));
  EXPECT_EQ(b->write_at(1, "3").error().kind, Error::Kind::io);
  EXPECT_TRUE(b->write_at(1, "4"));
}

TEST_F(DiskTest, AFailedSyncMarksTheBytesCleanAndTheNextOneProvesNothing) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Disk other{{.seed = seed}};
    auto folder = other.make_root("/d", 0700).value();
    auto file = folder->create_file("a", 0600).value();
    ASSERT_TRUE(folder->sync());
    ASSERT_TRUE(file->write_at(0, "mail"));
    other.plan({.operation = DiskOperation::sync_data});
    EXPECT_FALSE(file->sync_data());
    EXPECT_TRUE(file->sync_data()) << "F4: the next one succeeds";
    EXPECT_EQ(other.contents("/d/a"), "mail") << "memory still shows it";
    KeepAll keep;
    seen.insert(*other.after_power_cut(keep)->contents("/d/a"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "mail"}));
}

TEST_F(DiskTest, AFailedFolderSyncDropsOrKeepsNames) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Disk other{{.seed = seed}};
    auto folder = other.make_root("/d", 0700).value();
    ASSERT_TRUE(folder->create_file("a", 0600));
    other.plan({.operation = DiskOperation::sync_folder});
    EXPECT_FALSE(folder->sync());
    EXPECT_TRUE(folder->sync());
    KeepAll keep;
    seen.insert(other.after_power_cut(keep)->contents("/d/a").value_or("-"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"", "-"}));
}

TEST(DiskSpace, GrowingNeedsSpaceAndWritingOverDoesNot) {
  Disk disk{{.capacity = 8192, .block = 4096}};
  auto root = disk.make_root("/d", 0700).value();
  auto file = root->create_file("a", 0600).value();
  ASSERT_TRUE(file->write_at(0, block('x', 8192)));
  EXPECT_EQ(root->free_space().value().octets, 0U);
  EXPECT_TRUE(file->write_at(100, block('y', 5000)));
  auto other = root->create_file("b", 0600).value();
  EXPECT_EQ(other->write_at(0, "z").error().kind, Error::Kind::no_space);
  ASSERT_TRUE(file->truncate(4096));
  EXPECT_EQ(other->write_at(4000, block('z', 200)).error().kind, Error::Kind::no_space);
  EXPECT_EQ(other->size().value(), 4096U) << "what fits is written";
  ASSERT_TRUE(root->remove("b"));
  EXPECT_EQ(disk.used_octets(), 8192U) << "an open file keeps its space";
  other.reset();
  EXPECT_EQ(disk.used_octets(), 4096U);
}

TEST(DiskSpace, SpaceIsCountedAnewAfterAReboot) {
  Disk disk{{.capacity = 8192, .block = 4096}};
  auto root = disk.make_root("/d", 0700).value();
  ASSERT_TRUE(root->create_file("a", 0600).value()->write_at(0, block('x', 5000)));
  LoseAll choice;
  disk.reboot(choice);
  EXPECT_EQ(disk.used_octets(), 0U);
  EXPECT_EQ(disk.open_handles(), 0U);
}

TEST(DiskSpace, InodesAndDescriptorsRunOut) {
  Disk disk{{.inodes = 3, .open_limit = 2}};
  auto root = disk.make_root("/d", 0700).value();
  auto file = root->create_file("a", 0600).value();
  EXPECT_EQ(root->open_file("a", false).error().kind, Error::Kind::too_many_files);
  file.reset();
  EXPECT_EQ(root->create_file("b", 0600).error().kind, Error::Kind::no_space);
  ASSERT_TRUE(root->remove("a"));
  EXPECT_TRUE(root->create_file("b", 0600));
}

TEST_F(DiskTest, RotStaysAndReachesThePlatter) {
  settle("a", "good");
  EXPECT_TRUE(disk.corrupt("/d/a", 1, "aa"));
  EXPECT_EQ(disk.contents("/d/a"), "gaad");
  EXPECT_EQ(possible("/d/a"), std::set<std::string>{"gaad"});
  disk.set_odds({.rotten_read = 1});
  std::string into(4, ' ');
  ASSERT_TRUE(root->open_file("a", false).value()->read_at(0, into));
  EXPECT_NE(into, "gaad");
  EXPECT_EQ(disk.contents("/d/a"), into);
}

TEST(DiskTime, SlowOperationsAddUp) {
  using namespace std::chrono_literals;
  Disk disk{{.operation_time = 1ms, .sync_time = 5ms, .slowest = 10s}};
  auto root = disk.make_root("/d", 0700).value();
  EXPECT_EQ(disk.take_elapsed(), 2ms) << "made and opened";
  ASSERT_TRUE(root->sync());
  EXPECT_EQ(disk.take_elapsed(), 6ms);
  disk.set_odds({.slow = 1});
  ASSERT_TRUE(root->sync());
  EXPECT_GT(disk.take_elapsed(), 6ms);
  EXPECT_EQ(disk.take_elapsed(), 0ms);
}

TEST_F(DiskTest, FaultsAreDrawnFromTheSeed) {
  disk.set_odds({.write_error = 3});
  auto file = create("a");
  int failed = 0;
  for (int i = 0; i < 300; ++i) failed += file->write_at(0, "x") ? 0 : 1;
  EXPECT_GT(failed, 50);
  EXPECT_LT(failed, 150);
}

// ---- names, links, rights, locks ----

TEST_F(DiskTest, OnlyPlainNamesAreNames) {
  for (const auto name : std::initializer_list<std::string_view>{"", ".", "..", "a/b", "/etc", {"a\0b", 3}}) {
    EXPECT_EQ(root->create_file(name, 0600).error().kind, Error::Kind::invalid) << name;
    EXPECT_EQ(root->open_folder(name).error().kind, Error::Kind::invalid) << name;
  }
}

TEST_F(DiskTest, NothingIsOverwrittenAndLinksAreNotFollowed) {
  settle("a", "text");
  ASSERT_TRUE(disk.plant_link("/d/link", "/d/a"));
  EXPECT_EQ(root->create_file("a", 0600).error().kind, Error::Kind::exists);
  EXPECT_EQ(root->create_file("link", 0600).error().kind, Error::Kind::exists);
  EXPECT_EQ(root->open_file("link", true).error().kind, Error::Kind::is_link);
  EXPECT_EQ(root->open_folder("link").error().kind, Error::Kind::is_link);
  EXPECT_EQ(root->lock("link").error().kind, Error::Kind::is_link);
  EXPECT_EQ(root->facts("link").value().type, EntryType::link);
  write("b", "other");
  EXPECT_EQ(root->rename("b", *root, "a", false).error().kind, Error::Kind::exists);
  EXPECT_EQ(disk.contents("/d/a"), "text");
}

TEST_F(DiskTest, RightsCount) {
  settle("a", "text");
  disk.set_account(2000, 2000);
  EXPECT_EQ(root->open_file("a", false).error().kind, Error::Kind::not_permitted);
  EXPECT_EQ(root->create_file("b", 0600).error().kind, Error::Kind::not_permitted);
  EXPECT_EQ(root->remove("a").error().kind, Error::Kind::not_permitted);
  EXPECT_EQ(root->set_owner(2000, 2000).error().kind, Error::Kind::not_permitted);
  disk.set_account(0, 0);
  EXPECT_TRUE(root->open_file("a", true).value()->set_owner(2000, 2000));
  EXPECT_EQ(root->facts("a").value().user, 2000U);
}

TEST_F(DiskTest, ALockIsHeldByOneAndFreedByAReboot) {
  auto held = root->lock("lock").value();
  EXPECT_EQ(root->lock("lock").error().kind, Error::Kind::in_use);
  held.reset();
  held = root->lock("lock").value();
  reboot(KeepAll{});
  EXPECT_TRUE(root->lock("lock"));
}

TEST_F(DiskTest, TheTraceTellsWhatHappened) {
  disk.plan({.operation = DiskOperation::sync_data});
  EXPECT_FALSE(create("a")->sync_data());
  EXPECT_NE(disk.trace().find("create_file /d/a"), std::string::npos) << disk.trace();
  EXPECT_NE(disk.trace().find("sync_data /d/a  = injected fault"), std::string::npos) << disk.trace();
}

TEST_F(DiskTest, EqualHashesMeanThatProgramsFindTheSame) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, "octets"));
  LoseAll lose;
  KeepAll keep;
  EXPECT_NE(disk.after_power_cut(lose)->hash(), disk.after_power_cut(keep)->hash());
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(root->sync());
  EXPECT_EQ(disk.after_power_cut(lose)->hash(), disk.after_power_cut(keep)->hash());
  const auto before = disk.hash();
  ASSERT_TRUE(disk.corrupt("/d/a", 2, "x"));
  EXPECT_NE(disk.hash(), before);
}

TEST(ExhaustiveChoice, GivesTheSameAnswersAgain) {
  ExhaustiveChoice choice;
  choice.pick(2);
  choice.pick(3);
  ASSERT_TRUE(choice.next());
  const auto first = choice.pick(2);
  const auto second = choice.pick(3);
  choice.start_again();
  EXPECT_EQ(choice.pick(2), first);
  EXPECT_EQ(choice.pick(3), second);
}

TEST(ExhaustiveChoice, SeesEveryCombinationOnce) {
  ExhaustiveChoice choice;
  std::set<std::string> seen;
  do {
    const auto first = choice.pick(3);
    const auto second = first == 0 ? 0 : choice.pick(2);
    EXPECT_TRUE(seen.insert(std::to_string(first) + std::to_string(second)).second);
  } while (choice.next());
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(choice.combinations_seen(), 5U);
}

}  // namespace
}  // namespace posthorn::sim
