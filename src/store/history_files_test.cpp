#include "store/history_files.hpp"

#include "sim/disk.hpp"
#include "sim/disk_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime day{std::chrono::seconds{1'700'000'000}};

struct History : testing::Test {
  sim::Disk disk;
  HistoryFilesSettings settings{.folder = "/state/history", .keep = 24h * 7, .file_octets = 100, .read_octets = 7};

  void SetUp() override { disk.plant_folder("/state", 0700); }
  std::vector<std::string> lines(HistoryFiles& files, std::string_view key, std::size_t most = 100) {
    auto found = files.lines_of(key, most);
    EXPECT_TRUE(found);
    return found.value_or(std::vector<std::string>{});
  }
};

TEST_F(History, FindsLinesByTheirKeyInOrder) {
  HistoryFiles files(disk, settings);
  ASSERT_TRUE(files.append("A one\nB two\nAB no\n", day));
  ASSERT_TRUE(files.append("A three\n", day));
  EXPECT_THAT(lines(files, "A"), ElementsAre("one", "three"));
  EXPECT_THAT(lines(files, "A", 1), ElementsAre("three"));
  EXPECT_THAT(lines(files, "C"), IsEmpty());
}

TEST_F(History, GoesOnAfterARestartAndOverATornLine) {
  settings.keep = 24h * 365 * 200;  // the simulated disk has a calendar of its own
  {
    HistoryFiles files(disk, settings);
    ASSERT_TRUE(files.append("A one\nA to", day));
  }
  HistoryFiles files(disk, settings);
  ASSERT_TRUE(files.append("A two\n", day));
  EXPECT_THAT(lines(files, "A"), ElementsAre("one", "two"));
}

TEST_F(History, ForgetsWhatIsOld) {
  HistoryFiles files(disk, settings);
  ASSERT_TRUE(files.append("A " + std::string(120, 'x') + "\n", day));
  ASSERT_TRUE(files.append("A new\n", day + 24h * 8));
  EXPECT_THAT(lines(files, "A"), ElementsAre("new"));
}

TEST_F(History, NeverGrowsPastItsBound) {
  settings.total_octets = 1000;
  HistoryFiles files(disk, settings);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(files.append("A " + std::to_string(i) + std::string(50, 'x') + "\n", day));
  std::uint64_t octets = 0;
  for (const auto& path : disk.tree("/state/history")) octets += disk.contents(path).value_or("").size();
  EXPECT_LE(octets, 1000U);
  EXPECT_EQ(lines(files, "A", 1).front().substr(0, 2), "99");
}

TEST_F(History, AFullDiskIsAnErrorAndLaterItGoesOn) {
  HistoryFiles files(disk, settings);
  ASSERT_TRUE(files.append("A one\n", day));
  disk.set_capacity(8);
  EXPECT_FALSE(files.append("A " + std::string(200, 'x') + "\n", day));
  disk.set_capacity(1U << 30);
  ASSERT_TRUE(files.append("A two\n", day));
  EXPECT_EQ(lines(files, "A").back(), "two");
}

}  // namespace
}  // namespace posthorn::store
