#include "cli/check_files.hpp"

#include "sim/disk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr unsigned server = 1000;

class CheckFiles : public ::testing::Test {
 protected:
  CheckFiles() {
    disk.plant_folder("/etc", 0755);
    disk.plant_folder("/etc/posthorn", 0755);
    disk.plant_folder("/state", 0700);
    disk.plant_folder("/mail", 0755);
    disk.plant_file("/etc/posthorn/users", "alice\n", 0640);
    disk.plant_file("/etc/aliases", "info: alice\n", 0644);
    configuration.hostname = "mx.example.org";
    configuration.domains = {"example.org"};
    configuration.state = "/state";
    configuration.mailbox.root = "/mail";
  }

  /// "fault WHERE: TEXT" or "warning …", in the order they are told.
  std::vector<std::string> findings() {
    std::vector<std::string> lines;
    for (const auto& finding : check_files(configuration, disk, {.user = server, .groups = {server}})) {
      lines.push_back((finding.is_fault ? "fault " : "warning ") + finding.where + ": " + finding.text);
    }
    return lines;
  }

  sim::Disk disk;
  config::Configuration configuration;
};

TEST_F(CheckFiles, find_nothing_where_all_is_well) { EXPECT_THAT(findings(), IsEmpty()); }

TEST_F(CheckFiles, warn_of_folders_that_the_server_cannot_use) {
  disk.erase("/state");
  disk.change_owner("/mail", 0, 0);
  EXPECT_THAT(findings(),
              ElementsAre("warning state: /state is not there yet",
                          "warning mailbox.root: /mail belongs to account 0 (mode 0755): the server could not "
                          "write there"));
  disk.change_mode("/mail", 0777);
  disk.plant_folder("/state");
  EXPECT_THAT(findings(),
              ElementsAre(StartsWith("warning mailbox.root: /mail may be written by everybody (mode 0777)")));
  disk.change_mode("/mail", 0775);
  disk.change_owner("/mail", 0, server);
  EXPECT_THAT(findings(), IsEmpty()) << "the group may write";
}

TEST_F(CheckFiles, warn_of_a_state_that_others_look_into) {
  disk.change_mode("/state", 0755);
  const auto exposed = find_exposed(configuration, disk);
  ASSERT_EQ(exposed.size(), 1U);
  EXPECT_EQ(exposed.front().text, "/state is open to everybody (mode 0755): chmod 0711");
  disk.change_mode("/state", 0711);
  EXPECT_TRUE(find_exposed(configuration, disk).empty()) << "programs that hand in mail pass through it";
}

TEST_F(CheckFiles, warn_of_secrets_that_others_can_read) {
  disk.plant_file("/etc/tls.pem", "x", 0644);
  disk.plant_file("/etc/tls.key", "x", 0644);
  disk.plant_file("/etc/password", "x", 0604);
  configuration.tls.certificate = "/etc/tls.pem";
  configuration.tls.key = "/etc/tls.key";
  configuration.routes.resize(1);
  configuration.routes[0].password_file = "/etc/password";
  EXPECT_THAT(findings(),
              ElementsAre("warning tls.key: /etc/tls.key may be read by everybody (mode 0644): chmod 0640",
                          "warning route.password_file: /etc/password may be read by everybody (mode 0604): "
                          "chmod 0640"));
  configuration.tls.key.clear();
  configuration.routes.clear();
  EXPECT_THAT(findings(), ElementsAre(StartsWith("warning tls.certificate: "))) << "the key is in there";
}

TEST_F(CheckFiles, find_files_that_are_not_there) {
  configuration.tls.certificate = "/etc/none.pem";
  configuration.remote.password_file = "/none/password";
  EXPECT_THAT(
      findings(),
      ElementsAre("fault tls.certificate: /etc/none.pem is not there, or not to be seen from this account",
                  "fault remote.password_file: /none/password is not there, or not to be seen from this account"));
}

TEST_F(CheckFiles, refuse_a_log_that_is_a_link) {
  disk.plant_link("/state/log", "/etc/aliases");
  configuration.log.file = "/state/log";
  EXPECT_THAT(findings(), ElementsAre("fault log.file: /state/log is a link, which is never followed"));
}

TEST_F(CheckFiles, read_users_and_aliases) {
  disk.plant_file("/etc/posthorn/users", "alice:{PLAIN}secret\n../x\n", 0644);
  disk.plant_file("/etc/aliases", "info: nobody\n|x\n");
  EXPECT_THAT(findings(),
              ElementsAre(StartsWith("warning mailbox.users: /etc/posthorn/users holds passwords and may be read by"),
                          "warning /etc/posthorn/users:1: the password of alice stands there as it is typed",
                          StartsWith("warning /etc/posthorn/users:2: a user's name is made of"),
                          "warning /etc/aliases:2: is not NAME: TARGET, …",
                          StartsWith("warning /etc/aliases:1: info: nobody@example.org: there is nobody")));
}

TEST_F(CheckFiles, tell_when_there_is_nobody) {
  disk.erase("/etc/aliases");
  disk.erase("/etc/posthorn/users");
  EXPECT_THAT(findings(), ElementsAre("warning mailbox.users: /etc/posthorn/users is not there and counts as empty"));
  disk.plant_file("/etc/posthorn/users", "# nobody\n");
  EXPECT_THAT(findings(),
              ElementsAre("warning mailbox.users: /etc/posthorn/users names nobody: only postmaster gets mail"));
  configuration.mailbox.aliases = "/etc/posthorn/aliases";
  EXPECT_EQ(findings().size(), 2U) << "an aliases file that was named is missed";
}

TEST_F(CheckFiles, find_users_that_cannot_be_read) {
  disk.erase("/etc/posthorn/users");
  disk.plant_link("/etc/posthorn/users", "/etc/aliases");
  EXPECT_THAT(findings(), ElementsAre(StartsWith("fault mailbox: reading the users")));
}

TEST_F(CheckFiles, warn_of_hashes_that_match_nothing) {
  disk.plant_file("/etc/posthorn/users", "alice\nira:{SCHEME}x\n", 0640);
  EXPECT_THAT(findings(), ElementsAre(AllOf(StartsWith("warning /etc/posthorn/users:2: "), HasSubstr("ira"))));
  EXPECT_EQ(find_exposed(configuration, disk).size(), 1U) << "a start warns, too";
}

}  // namespace
}  // namespace posthorn::cli
