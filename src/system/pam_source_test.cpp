#include "system/pam_source.hpp"

#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::system {
namespace {

using Kind = PasswordVerdict::Kind;

/// Service files of the test's own, in a folder of its own: nothing of the system's PAM is touched.
class Pam : public ::testing::Test {
 protected:
  posthorn::testing::TemporaryFolder folder;

  PasswordVerdict ask(const std::string& stack, std::string_view name, const char* password = "sesame") {
    folder.write("posthorn-test", stack);
    PamSource source({.service = "posthorn-test", .domains = {"example.org"}, .folder = folder.path("")});
    const Secret secret{std::string(password)};
    return source.check({name, secret, *IpAddress::parse("192.0.2.1")});
  }
};

constexpr const char* says_yes = "auth required pam_permit.so\naccount required pam_permit.so\n";

TEST_F(Pam, SaysYesForTheUserItWasAskedAbout) {
  const auto verdict = ask(says_yes, "alice");
  EXPECT_EQ(verdict.kind, Kind::right) << verdict.text;
  EXPECT_EQ(verdict.text, "alice");
}

TEST_F(Pam, OurDomainIsNoPartOfTheAccount) {
  EXPECT_EQ(ask(says_yes, "alice@Example.ORG").text, "alice");
  EXPECT_EQ(ask(says_yes, "alice@elsewhere.example").text, "alice@elsewhere.example");
}

TEST_F(Pam, SaysNo) {
  EXPECT_EQ(ask("auth required pam_deny.so\naccount required pam_permit.so\n", "alice").kind, Kind::wrong);
  EXPECT_EQ(ask("auth required pam_permit.so\naccount required pam_deny.so\n", "alice").kind, Kind::wrong);
}

TEST_F(Pam, NamesThatAreNoneAreNotAskedAbout) {
  for (const auto* name : {"", "a b", "../root", "a\nb"}) EXPECT_EQ(ask(says_yes, name).kind, Kind::wrong) << name;
  EXPECT_EQ(ask(says_yes, "alice", "").kind, Kind::wrong);
}

TEST_F(Pam, AModuleThatIsNotThereIsNoYes) {
  EXPECT_NE(ask("auth required pam_no_such_module.so\naccount required pam_permit.so\n", "alice").kind, Kind::right);
}

}  // namespace
}  // namespace posthorn::system
