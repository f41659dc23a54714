#include "config/advice.hpp"

#include "config/defaults.hpp"
#include "config/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace posthorn::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> keys_of(std::string_view text) {
  const auto configuration = read_configuration(text);
  if (!configuration) return {configuration.error().front().to_string("posthorn.toml")};
  std::vector<std::string> keys;
  for (const auto& advice :
       advice_on(complete(*configuration, {.host_name = "mx.example.org", .may_bind_low_ports = true}))) {
    keys.push_back(advice.key);
  }
  return keys;
}

TEST(Advice, is_not_given_on_the_defaults) { EXPECT_THAT(keys_of(""), IsEmpty()); }

TEST(Advice, names_the_key_that_may_be_regretted) {
  struct Row {
    std::string_view text;
    std::string_view key;
  };
  static constexpr std::array<Row, 16> rows{{
      {"[[listener]]\naddress = [\"0.0.0.0:25\"]\nrole = \"relay\"", "listener.role"},
      {"[[listener]]\naddress = [\"127.0.0.1:25\", \"192.0.2.1:25\"]\nrole = \"relay\"", "listener.role"},
      {"[[listener]]\ninterface = \"eth0\"\nport = 25\nrole = \"relay\"", "listener.role"},
      {"[[listener]]\naddress = [\"192.0.2.1:587\"]\nrole = \"submission\"\ntls = \"none\"", "listener.tls"},
      {"[[listener]]\naddress = [\"192.0.2.1:465\"]\nrole = \"submission\"", "listener.tls"},
      {"state = \"var\"", "state"},
      {"[mailbox]\nroot = \"mail\"", "mailbox.root"},
      {"[process]\nuser = \"\"", "process.user"},
      {"[process]\nuser = \"root\"", "process.user"},
      {"[process]\nsandbox = \"off\"", "process.sandbox"},
      {"[queue]\nexpire = \"1h\"", "queue.warn"},
      {"[queue]\npaused = true", "queue.paused"},
      {"[remote]\ntls = \"none\"", "remote.tls"},
      {"domains = [\"a.example\", \"b.example\"]\n[[route]]\ndomain = [\"c.example\", \"B.example\"]\nto = "
       "\"lmtp:unix:/l\"",
       "route.domain"},
      {"[limits]\nrecipients = 99", "limits.recipients"},
      {"[limits]\nmessage_size = \"63KiB\"", "limits.message_size"},
  }};
  for (const auto& row : rows) EXPECT_THAT(keys_of(row.text), ElementsAre(row.key)) << row.text;
}

TEST(Advice, leaves_relaying_on_loopback_alone) {
  EXPECT_THAT(keys_of("[[listener]]\naddress = [\"127.0.0.1:25\", \"[::1]:25\"]\nrole = \"relay\""), IsEmpty());
  EXPECT_THAT(keys_of("[[listener]]\ninterface = \"lo\"\nport = 25\nrole = \"relay\""), IsEmpty());
}

TEST(Advice, leaves_routes_of_other_domains_alone) {
  EXPECT_THAT(keys_of("domains = [\"a.example\"]\n[[route]]\ndomain = [\"*\", \".a.example\", \"b.a.example\"]\n"
                      "to = \"192.0.2.1\""),
              IsEmpty());
}

}  // namespace
}  // namespace posthorn::config
