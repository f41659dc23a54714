#include "cli/outgoing_logins.hpp"

#include "sim/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

config::Configuration with_smarthost() {
  config::Configuration configuration;
  configuration.remote.user = "alice";
  configuration.remote.password_file = "/etc/posthorn/password";
  configuration.routes.resize(2);
  configuration.routes[1].user = "bob";
  configuration.routes[1].password_file = "/etc/posthorn/other";
  return configuration;
}

struct OutgoingLoginsTest : testing::Test {
  sim::Disk disk;
  void SetUp() override {
    disk.plant_folder("/etc", 0755);
    disk.plant_folder("/etc/posthorn", 0755);
  }
};

TEST_F(OutgoingLoginsTest, AreTheFirstLinesOfTheFiles) {
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/password", "pass word \r\nsecond line\n", 0640));
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/other", "secret", 0640));
  const auto logins = read_outgoing_logins(disk, with_smarthost());
  ASSERT_TRUE(logins) << logins.error().text;
  EXPECT_EQ(logins->smarthost->user, "alice");
  EXPECT_EQ(logins->smarthost->password.reveal(), "pass word ");
  EXPECT_EQ(logins->routes[0], nullptr);
  EXPECT_EQ(logins->routes[1]->password.reveal(), "secret");
  EXPECT_TRUE(logins->warnings.empty());
}

TEST_F(OutgoingLoginsTest, WarnOfFilesThatAllCanRead) {
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/password", "a\n", 0644));
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/other", "b\n", 0600));
  const auto logins = read_outgoing_logins(disk, with_smarthost());
  ASSERT_TRUE(logins);
  EXPECT_THAT(
      logins->warnings,
      ElementsAre("remote.password_file: /etc/posthorn/password may be read by everybody (mode 0644): chmod 0640"));
}

TEST_F(OutgoingLoginsTest, AFileThatIsMissingOrEmptyIsNamed) {
  auto missing = read_outgoing_logins(disk, with_smarthost());
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, HasSubstr("remote.password_file"));
  EXPECT_THAT(missing.error().text, HasSubstr("/etc/posthorn/password"));
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/password", "a\n", 0600));
  ASSERT_TRUE(disk.plant_file("/etc/posthorn/other", "\nb\n", 0600));
  auto empty = read_outgoing_logins(disk, with_smarthost());
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().text, HasSubstr("route.password_file: the first line of /etc/posthorn/other is empty"));
}

}  // namespace
}  // namespace posthorn::cli
