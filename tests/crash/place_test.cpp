// The spool's place: gone, emptied, another's, from another machine, of another version (F12, F18, F19).
#include "support/spool_house.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr const char* identity = "/state/spool/identity";
constexpr const char* copy = "/state/spool.identity";

struct Place : ::testing::Test {
  Place() : house({.maintains = true}) {
    EXPECT_TRUE(house.start());
    id = *house.store("one\r\n");
  }
  Error error_of_start() {
    const auto started = house.restart();
    EXPECT_FALSE(started);
    return started ? Error{} : started.error();
  }
  SpoolHouse house;
  MessageId id;
};

TEST_F(Place, WhileRunningAMissingIdentityStopsAcceptingUntilItIsBack) {
  const auto bytes = *house.disk.contents(identity);
  house.disk.erase(identity);
  house.run_for(61s);
  EXPECT_FALSE(house.spool().facts().accepting);
  EXPECT_TRUE(house.log.has("spool.is_gone"));
  EXPECT_EQ(house.store("refused\r\n").error().kind, Error::Kind::io);
  EXPECT_TRUE(house.record(id, {outcome(0, store::RecipientStatus::queued)})) << "what is held open is served";
  house.disk.plant_file(identity, bytes);
  house.run_for(61s);
  EXPECT_TRUE(house.spool().facts().accepting);
  EXPECT_TRUE(house.store("taken\r\n"));
}

TEST_F(Place, WhileRunningAnotherFolderInItsPlaceStopsAccepting) {
  house.disk.move("/state/spool", "/state/elsewhere");
  house.disk.plant_folder("/state/spool");
  house.run_for(61s);
  EXPECT_FALSE(house.spool().facts().accepting);
  house.disk.erase("/state/spool");
  house.disk.move("/state/elsewhere", "/state/spool");
  house.run_for(61s);
  EXPECT_TRUE(house.spool().facts().accepting);
}

TEST_F(Place, AnEmptyFolderWhereASpoolWasIsNoNewSpool) {
  house.kill();
  house.disk.move("/state/spool", "/state/elsewhere");
  const auto gone = error_of_start();
  EXPECT_EQ(gone.kind, Error::Kind::not_found);
  EXPECT_THAT(gone.text, HasSubstr("is its file system mounted?"));
  house.disk.plant_folder("/state/spool");
  EXPECT_EQ(error_of_start().kind, Error::Kind::not_found);
  EXPECT_TRUE(house.disk.tree("/state/spool").empty()) << "nothing was made in it";
  house.disk.erase("/state/spool");
  house.disk.move("/state/elsewhere", "/state/spool");
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.report.messages, 1U);
}

TEST_F(Place, SegmentsWithoutAnIdentityAreNotOverwritten) {
  house.kill();
  house.disk.erase(identity);
  house.disk.erase(copy);
  EXPECT_EQ(error_of_start().kind, Error::Kind::corrupt);
}

TEST_F(Place, ADamagedIdentityIsReplacedFromItsCopyAndNoIdIsGivenTwice) {
  house.kill();
  for (const auto* path : {identity, copy}) {
    house.disk.corrupt(path, 20, "#");
    ASSERT_TRUE(house.start()) << path;
    EXPECT_GT(house.spool().new_id(), id);
    EXPECT_EQ(house.report.messages, 1U);
    house.kill();
  }
  house.disk.corrupt(identity, 20, "#");
  house.disk.corrupt(copy, 20, "#");
  EXPECT_EQ(error_of_start().kind, Error::Kind::corrupt);
}

TEST_F(Place, AnotherSpoolIsRefusedUnlessAdopted) {
  SpoolHouse other{{.seed = 5}};
  ASSERT_TRUE(other.start());
  other.kill();
  house.kill();
  const auto strange = *other.disk.contents(identity);
  ASSERT_NE(strange.substr(16, 16), house.disk.contents(identity)->substr(16, 16));
  house.disk.erase("/state/spool");
  house.disk.plant_folder("/state/spool");
  house.disk.plant_file(identity, strange);
  const auto refused = error_of_start();
  EXPECT_EQ(refused.kind, Error::Kind::not_permitted);
  EXPECT_THAT(refused.text, HasSubstr("another file system is mounted there"));
  house.settings.adopt = true;
  EXPECT_TRUE(house.start());
}

TEST_F(Place, ASpoolOfAnotherMachineIsRefusedUnlessAdopted) {
  house.kill();
  house.settings.host_identity = "a restored clone";
  const auto refused = error_of_start();
  EXPECT_EQ(refused.kind, Error::Kind::not_permitted);
  EXPECT_THAT(refused.text, HasSubstr("mail would be delivered twice"));
  house.settings.adopt = true;
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.report.messages, 1U);
  house.settings.adopt = false;
  ASSERT_TRUE(house.restart()) << "it is this machine's now";
  house.settings.host_identity = "this machine";
  EXPECT_EQ(error_of_start().kind, Error::Kind::not_permitted);
}

TEST_F(Place, ANewerVersionIsRefusedAndLeftAsItIs) {
  house.kill();
  const char newer = 2;
  house.disk.corrupt(identity, 8, {&newer, 1});
  const auto before = house.disk.tree("/state");
  const auto refused = error_of_start();
  EXPECT_EQ(refused.kind, Error::Kind::unsupported);
  EXPECT_THAT(refused.text, HasSubstr("start the newer version"));
  EXPECT_EQ(house.disk.tree("/state"), before);
}

TEST_F(Place, ForeignFilesAreNamedAndLeftAlone) {
  house.kill();
  house.disk.plant_file("/state/spool/notes", "mine");
  house.disk.plant_file("/state/spool/segment-1", "not a segment's name");
  house.disk.plant_folder("/state/spool/segment-00000099");
  house.disk.plant_file("/state/spool/bodies/README", "mine");
  ASSERT_TRUE(house.start());
  EXPECT_THAT(house.report.foreign_names,
              ::testing::UnorderedElementsAre("notes", "segment-1", "segment-00000099", "bodies/README"));
  house.run_for(5s);
  EXPECT_EQ(house.disk.contents("/state/spool/notes"), "mine");
  EXPECT_EQ(house.disk.contents("/state/spool/bodies/README"), "mine");
}

TEST_F(Place, AFileNamedLikeASegmentIsDamageAndLeftAlone) {
  house.kill();
  house.disk.plant_file("/state/spool/segment-00000042", std::string(8192, '\xee'));
  ASSERT_TRUE(house.start());
  EXPECT_EQ(house.report.damages.size(), 1U) << "named like ours, and not readable";
  EXPECT_EQ(house.report.messages, 1U);
}

}  // namespace
}  // namespace posthorn::testing
