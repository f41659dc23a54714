#include "config/defaults.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace posthorn::config {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> listeners_of(const Configuration& configuration) {
  static constexpr std::array<std::string_view, 3> roles{"mx", "relay", "submission"};
  static constexpr std::array<std::string_view, 3> tls{"none", "starttls", "implicit"};
  std::vector<std::string> lines;
  for (const auto& listener : configuration.listeners) {
    std::string line;
    for (const auto& address : listener.addresses) line += address.to_string() + " ";
    line += roles.at(static_cast<std::size_t>(listener.role));
    lines.push_back(line + " " + std::string(tls.at(static_cast<std::size_t>(listener.tls))));
  }
  return lines;
}

TEST(Defaults, are_a_whole_server_where_low_ports_may_be_bound) {
  const auto configuration = complete({}, {.host_name = "mx.example.org", .may_bind_low_ports = true});
  EXPECT_THAT(listeners_of(configuration),
              ElementsAre("0.0.0.0:25 [::]:25 mx starttls", "127.0.0.1:25 [::1]:25 relay starttls",
                          "0.0.0.0:465 [::]:465 submission implicit", "0.0.0.0:587 [::]:587 submission starttls"));
}

TEST(Defaults, stay_on_loopback_where_they_may_not) {
  const auto configuration = complete({}, {.host_name = "mx.example.org", .may_bind_low_ports = false});
  EXPECT_THAT(listeners_of(configuration),
              ElementsAre("127.0.0.1:2525 [::1]:2525 relay starttls", "127.0.0.1:2465 [::1]:2465 submission implicit",
                          "127.0.0.1:2587 [::1]:2587 submission starttls"));
}

TEST(Defaults, name_the_host_and_its_domains) {
  struct Row {
    std::string host_name;
    std::string hostname;
    std::vector<std::string> domains;
  };
  const std::array<Row, 5> rows{{
      {"mx.example.org", "mx.example.org", {"mx.example.org", "localhost"}},
      {"Laptop", "laptop", {"laptop", "localhost"}},
      {"localhost", "localhost", {"localhost"}},
      {"", "localhost", {"localhost"}},
      {"not a name!", "localhost", {"localhost"}},
  }};
  for (const auto& row : rows) {
    const auto configuration = complete({}, {.host_name = row.host_name});
    EXPECT_EQ(configuration.hostname, row.hostname) << row.host_name;
    EXPECT_EQ(configuration.domains, row.domains) << row.host_name;
  }
}

TEST(Defaults, leave_what_was_given) {
  Configuration given;
  given.hostname = "a.example";
  given.domains = {"b.example"};
  given.state = "/srv/posthorn";
  given.listeners = {{.addresses = on_loopback(2026), .role = ListenerRole::mx, .tls = ListenerTls::none}};
  const auto configuration = complete(given, {.host_name = "mx.example.org", .may_bind_low_ports = true});
  EXPECT_EQ(configuration.hostname, "a.example");
  EXPECT_THAT(configuration.domains, ElementsAre("b.example"));
  EXPECT_THAT(listeners_of(configuration), ElementsAre("127.0.0.1:2026 [::1]:2026 mx none"));
  EXPECT_EQ(configuration.admin.socket, "/srv/posthorn/admin.sock");
}

}  // namespace
}  // namespace posthorn::config
