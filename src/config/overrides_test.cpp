#include "config/overrides.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace posthorn::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Configuration applied(const Overrides& overrides, bool may_bind_low_ports = true) {
  Configuration file;
  file.domains = {"file.example"};
  file.listeners = default_listeners(true);
  const auto result = apply(overrides, file, {.host_name = "mx.example.org", .may_bind_low_ports = may_bind_low_ports});
  if (!result) ADD_FAILURE() << result.error();
  return result.value_or(Configuration{});
}

TEST(Overrides, leave_the_file_alone_when_none_is_given) {
  const auto configuration = applied({});
  EXPECT_EQ(configuration.listeners.size(), 4U);
  EXPECT_THAT(configuration.domains, ElementsAre("file.example"));
}

TEST(Overrides, stand_above_the_file) {
  Overrides overrides;
  overrides.mail_root = "/srv/mail";
  overrides.domains = {"One.Example", "two.example"};
  overrides.log_file = "/var/log/x";
  overrides.log_level = "warning";
  overrides.users_file = "/etc/u";
  const auto configuration = applied(overrides);
  EXPECT_EQ(configuration.mailbox.root, "/srv/mail");
  EXPECT_THAT(configuration.domains, ElementsAre("one.example", "two.example"));
  EXPECT_EQ(configuration.log.file, "/var/log/x");
  EXPECT_EQ(configuration.log.level, world::LogLevel::warning);
  EXPECT_EQ(configuration.mailbox.users, "/etc/u");
  EXPECT_EQ(configuration.listeners.size(), 4U);
}

TEST(Overrides, debug_beats_the_level) {
  Overrides overrides;
  overrides.log_level = "error";
  overrides.debug = true;
  EXPECT_EQ(applied(overrides).log.level, world::LogLevel::debug);
}

TEST(Overrides, replace_the_listeners) {
  struct Row {
    std::string name;
    std::optional<std::string> interface;
    std::optional<std::uint16_t> port;
    bool loopback;
    bool may_bind_low_ports;
    std::string socket;  // the first
    ListenerRole role;
  };
  const std::array<Row, 7> rows{{
      {"-p", {}, 2026, false, true, "0.0.0.0:2026", ListenerRole::mx},
      {"-l", {}, {}, true, true, "127.0.0.1:25", ListenerRole::relay},
      {"-l without low ports", {}, {}, true, false, "127.0.0.1:2525", ListenerRole::relay},
      {"-l -p", {}, 2026, true, true, "127.0.0.1:2026", ListenerRole::relay},
      {"-i", "eth0", {}, false, true, "eth0:25", ListenerRole::mx},
      {"-i -p", "eth0", 2026, false, true, "eth0:2026", ListenerRole::mx},
      {"-i lo -l", "lo", 2026, true, true, "lo:2026", ListenerRole::relay},
  }};
  for (const auto& row : rows) {
    Overrides overrides;
    overrides.interface = row.interface;
    overrides.port = row.port;
    overrides.loopback = row.loopback;
    const auto configuration = applied(overrides, row.may_bind_low_ports);
    ASSERT_EQ(configuration.listeners.size(), row.name == "-p" ? 2U : 1U) << row.name;
    const auto& listener = configuration.listeners.front();
    const auto socket = listener.addresses.empty() ? listener.interface + ":" + std::to_string(listener.port)
                                                   : listener.addresses.front().to_string();
    EXPECT_EQ(socket, row.socket) << row.name;
    EXPECT_EQ(listener.role, row.role) << row.name;
    EXPECT_EQ(listener.tls, ListenerTls::starttls) << row.name;
  }
}

TEST(Overrides, a_port_alone_relays_for_loopback) {
  Overrides overrides;
  overrides.port = 2026;
  const auto configuration = applied(overrides);
  ASSERT_EQ(configuration.listeners.size(), 2U);
  EXPECT_EQ(configuration.listeners[1].addresses, on_loopback(2026));
  EXPECT_EQ(configuration.listeners[1].role, ListenerRole::relay);
}

TEST(Overrides, refuse_what_the_file_may_not_say_either) {
  struct Row {
    std::string option;
    Overrides overrides;
  };
  std::vector<Row> rows(7);
  rows[0].option = "--log-level: must be";
  rows[0].overrides.log_level = "loud";
  rows[1].option = "--domain: is no domain name";
  rows[1].overrides.domains = {"good.example", "bad domain"};
  rows[2].option = "--mail-root: must not be empty";
  rows[2].overrides.mail_root = "";
  rows[3].option = "--users: must not be empty";
  rows[3].overrides.users_file = "";
  rows[4].option = "--interface: is no name";
  rows[4].overrides.interface = "eth 0";
  rows[5].option = "--interface: must be";
  rows[5].overrides.interface = "";
  rows[6].option = "--loopback: cannot stand beside --interface eth0";
  rows[6].overrides.interface = "eth0";
  rows[6].overrides.loopback = true;
  for (const auto& row : rows) {
    const auto result = apply(row.overrides, {}, {});
    ASSERT_FALSE(result) << row.option;
    EXPECT_THAT(result.error(), HasSubstr(row.option));
  }
}

}  // namespace
}  // namespace posthorn::config
