// check, user and newaliases, on a folder of their own, as a person at a terminal meets them.
#include "cli/program.hpp"
#include "support/captured_console.hpp"
#include "support/temporary_folder.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace posthorn::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Commands : public ::testing::Test {
 protected:
  Commands() {
    folder.make_folder("mail");
    folder.write("posthorn.toml", "hostname = \"mx.example.org\"\ndomains = [\"example.org\"]\nstate = \"" +
                                      path("state") + "\"\n[mailbox]\nroot = \"" + path("mail") + "\"\nusers = \"" +
                                      path("users") + "\"\naliases = \"" + path("aliases") +
                                      "\"\n[process]\nuser = \"\"\n");
  }

  [[nodiscard]] std::string path(const std::string& name) const { return folder.path(name); }

  /// Runs `posthorn WORDS… -c CONFIGURATION`; the status.
  int run(std::vector<std::string> words) {
    words.insert(words.begin(), "posthorn");
    words.insert(words.end(), {"-c", path("posthorn.toml")});
    posthorn::testing::CapturedConsole captured;
    const auto status = run_program(words, captured.console());
    out = captured.out();
    error = captured.error();
    return status;
  }

  posthorn::testing::TemporaryFolder folder;
  std::string out;
  std::string error;
};

TEST_F(Commands, user_adds_lists_and_removes) {
  EXPECT_EQ(run({"user", "list"}), 0);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_EQ(run({"user", "add", "Alice", "bob@example.org"}), 0) << error;
  EXPECT_EQ(folder.contents("users"), "alice\nbob@example.org\n");
  EXPECT_EQ(run({"user", "list"}), 0);
  EXPECT_EQ(out, "alice\nbob@example.org\n");
  EXPECT_EQ(run({"user", "remove", "ALICE"}), 0);
  EXPECT_EQ(folder.contents("users"), "bob@example.org\n");
}

TEST_F(Commands, user_lists_as_json) {
  folder.write("users", "# people\nalice:{ARGON2ID}$x\nbob@example.org\n");
  EXPECT_EQ(run({"user", "list", "--json"}), 0);
  EXPECT_EQ(json::parse(out), json::parse(R"([{"name": "alice", "domain": null, "password": "ARGON2ID", "line": 2},
      {"name": "bob@example.org", "domain": "example.org", "password": null, "line": 3}])"));
}

TEST_F(Commands, user_refuses_and_changes_nothing) {
  folder.write("users", "alice\n");
  struct Row {
    std::vector<std::string> words;
    int status;
    std::string error;
  };
  for (const auto& [words, status, text] : {
           Row{{"user", "add", "alice"}, 65, "there is a user alice already"},
           Row{{"user", "add", "carl", "../etc"}, 65, "\"../etc\": a user's name is made of"},
           Row{{"user", "add", "a\x1b[2J"}, 65, "\\x1b[2J"},
           Row{{"user", "remove", "nobody"}, 67, "there is no user nobody"},
           Row{{"user", "add"}, 64, "NAME"},
           Row{{"user"}, 64, "posthorn user --help"},
           Row{{"user", "frobnicate"}, 64, "posthorn user --help"},
       }) {
    EXPECT_EQ(run(words), status) << words.back();
    EXPECT_THAT(error, HasSubstr(text)) << words.back();
    EXPECT_EQ(folder.contents("users"), "alice\n") << words.back();
  }
}

TEST_F(Commands, user_keeps_the_rights_of_the_file_under_a_strict_umask) {
  folder.write("users", "alice\n");
  folder.set_mode("users", 0664);
  const auto before = ::umask(077);
  EXPECT_EQ(run({"user", "add", "bob"}), 0);
  ::umask(before);
  EXPECT_EQ(folder.mode("users"), 0664U);
}

TEST_F(Commands, user_does_not_write_through_a_link) {
  folder.write("precious", "data\n");
  folder.link("users", "precious");
  EXPECT_NE(run({"user", "add", "bob"}), 0);
  EXPECT_EQ(folder.contents("precious"), "data\n");
}

TEST_F(Commands, commands_need_a_good_configuration) {
  folder.write("posthorn.toml", "[limits]\nrecipents = 1\n");
  for (const auto& words : {std::vector<std::string>{"user", "list"}, {"check"}, {"newaliases"}}) {
    EXPECT_EQ(run(words), 78) << words.front();
    EXPECT_THAT(error,
                HasSubstr(path("posthorn.toml") + ":2:1: limits.recipents: there is no such setting; did you mean "
                                                  "\"recipients\"?"));
  }
  folder.remove("posthorn.toml");
  for (const auto& words : {std::vector<std::string>{"user", "list"}, {"check"}, {"newaliases"}}) {
    EXPECT_EQ(run(words), 66) << words.front();
    EXPECT_THAT(error, HasSubstr(path("posthorn.toml"))) << words.front();
  }
}

TEST_F(Commands, check_says_what_is_good) {
  folder.write("users", "alice\n");
  folder.make_folder("state");
  EXPECT_EQ(run({"check"}), 0) << error;
  EXPECT_THAT(out, HasSubstr(path("posthorn.toml") + " is good"));
  EXPECT_THAT(error, HasSubstr("warning: process.user: is empty"));
}

TEST_F(Commands, check_tells_all_faults_at_once) {
  folder.write("posthorn.toml", "hostname = 1\n[queue]\nretry = [\"x\"]\n");
  EXPECT_EQ(run({"check"}), 78);
  EXPECT_THAT(error, AllOf(HasSubstr(":1:12: hostname: "), HasSubstr(":3:10: queue.retry: ")));
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(Commands, check_tells_programs) {
  folder.write("posthorn.toml", "hostname = 1\n");
  EXPECT_EQ(run({"check", "--json"}), 78);
  auto verdict = json::parse(out);
  EXPECT_EQ(verdict["ok"], false);
  EXPECT_EQ(verdict["faults"][0]["line"], 1);
  EXPECT_EQ(verdict["faults"][0]["column"], 12);
  EXPECT_EQ(verdict["faults"][0]["key"], "hostname");

  folder.write("posthorn.toml", "[process]\nuser = \"\"\n[tls]\ncertificate = \"/none\"\n");
  EXPECT_EQ(run({"check", "--json"}), 78);
  verdict = json::parse(out);
  EXPECT_EQ(verdict["faults"][0]["where"], "tls.certificate");
  EXPECT_EQ(verdict["warnings"][0]["where"], "process.user");
}

TEST_F(Commands, newaliases_checks) {
  folder.write("users", "alice\n");
  folder.write("aliases", "info: alice\nroot: info\n");
  EXPECT_EQ(run({"newaliases"}), 0) << error;
  EXPECT_EQ(out, path("aliases") + ": 2 aliases\n");
  folder.write("aliases", "info: |cat\nroot: nobody\n");
  EXPECT_EQ(run({"newaliases"}), 65);
  EXPECT_THAT(error, AllOf(HasSubstr("aliases:1: \"|cat\" starts a program"), HasSubstr("aliases:2: root: nobody")));
}

TEST(HelpWithSettings, is_made_from_the_reader) {
  posthorn::testing::CapturedConsole captured;
  const std::vector<std::string> words{"posthorn", "help", "settings", "limits"};
  EXPECT_EQ(run_program(words, captured.console()), 0);
  EXPECT_THAT(captured.out(), HasSubstr("  recipients\n"));
  EXPECT_EQ(run_program(std::vector<std::string>{"posthorn", "help", "settings", "none"}, captured.console()), 64);
}

}  // namespace
}  // namespace posthorn::cli
