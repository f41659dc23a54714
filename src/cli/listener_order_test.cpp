#include "cli/listener_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::cli {
namespace {

using config::ListenerRole;
using testing::ElementsAre;
using testing::HasSubstr;

config::Listener at(std::vector<std::string> addresses, ListenerRole role) {
  config::Listener listener{.role = role};
  for (const auto& address : addresses) listener.addresses.push_back(*Endpoint::parse(address));
  return listener;
}

config::Listener on(std::string interface, std::uint16_t port, ListenerRole role) {
  return {.interface = std::move(interface), .port = port, .role = role};
}

const auto mx = at({"127.0.0.2:25", "[::1]:25"}, ListenerRole::mx);
const auto relay = at({"127.0.0.1:25"}, ListenerRole::relay);
const auto submission = on("eth0", 587, ListenerRole::submission);

std::vector<std::string> texts(const std::expected<ListenerOrder, std::vector<ListenerMismatch>>& found) {
  std::vector<std::string> all;
  if (!found) {
    for (const auto& each : found.error()) all.push_back(each.text);
  }
  return all;
}

TEST(ListenerOrder, FollowsTheEndpointsAndNotThePlacesInTheFile) {
  const auto order = find_listener_order({mx, relay, submission}, {submission, mx, relay});
  ASSERT_TRUE(order);
  EXPECT_THAT(*order, ElementsAre(1, 2, 0));
  std::vector<config::Listener> listeners{submission, mx, relay};
  ASSERT_TRUE(arrange_listeners(listeners, *order));
  EXPECT_EQ(name_of(listeners[0]), name_of(mx));
  EXPECT_EQ(name_of(listeners[1]), name_of(relay));
  EXPECT_EQ(name_of(listeners[2]), name_of(submission));
}

TEST(ListenerOrder, IsNotChangedByTheOrderOfAddressesOrByRoleAndTls) {
  auto now = at({"[::1]:25", "127.0.0.2:25"}, ListenerRole::submission);
  now.tls = config::ListenerTls::implicit;
  EXPECT_THAT(find_listener_order({relay, mx}, {now, relay}).value(), ElementsAre(1, 0));
}

TEST(ListenerOrder, NamesWhatHasNoSocketAndWhatIsNotInTheFile) {
  struct Row {
    std::string name;
    std::vector<config::Listener> now;
    std::vector<std::string> texts;
  };
  const std::vector<Row> rows{
      {"another port, another role",
       {mx, at({"127.0.0.1:26"}, ListenerRole::mx), submission},
       {"listener relay 127.0.0.1:25 is served and not in the file", "listener mx 127.0.0.1:26 has no socket"}},
      {"one more", {mx, relay, submission, on("eth0", 465, ListenerRole::mx)}, {"listener mx eth0:465 has no socket"}},
      {"one less", {mx, submission}, {"listener relay 127.0.0.1:25 is served and not in the file"}},
      {"one address less",
       {at({"127.0.0.2:25"}, ListenerRole::mx), relay, submission},
       {"listener mx 127.0.0.2:25 [::1]:25 is served and not in the file", "listener mx 127.0.0.2:25 has no socket"}},
      {"another interface",
       {mx, relay, on("eth1", 587, ListenerRole::submission)},
       {"listener submission eth0:587 is served and not in the file", "listener submission eth1:587 has no socket"}},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(texts(find_listener_order({mx, relay, submission}, row.now)), row.texts);
  }
}

TEST(ListenerOrder, OfListenersThatAreWrittenAlikeTellsNoneAnothersRole) {
  const auto any_mx = at({"127.0.0.1:0"}, ListenerRole::mx);
  const auto any_relay = at({"127.0.0.1:0"}, ListenerRole::relay);
  EXPECT_THAT(find_listener_order({any_mx, any_relay}, {any_mx, any_relay}).value(), ElementsAre(0, 1));
  EXPECT_THAT(texts(find_listener_order({any_mx, any_relay}, {any_relay, any_mx})),
              ElementsAre(HasSubstr("written alike"), HasSubstr("written alike")));
}

TEST(ListenerOrder, ThatDoesNotFitChangesNothing) {
  for (const ListenerOrder& order : {ListenerOrder{0}, ListenerOrder{0, 0}, ListenerOrder{0, 2}, ListenerOrder{}}) {
    std::vector<config::Listener> listeners{mx, relay};
    EXPECT_FALSE(arrange_listeners(listeners, order));
    EXPECT_EQ(name_of(listeners[0]), name_of(mx));
    EXPECT_EQ(name_of(listeners[1]), name_of(relay));
  }
}

}  // namespace
}  // namespace posthorn::cli
