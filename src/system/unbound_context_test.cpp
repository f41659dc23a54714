// What the resolver answers without asking anybody.
#include "system/unbound_context.hpp"

#include "system/clock.hpp"
#include "system/hosts_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;

world::DnsAnswer answer_of(UnboundContext& context, const std::string& name, world::DnsType type) {
  std::promise<world::DnsAnswer> promise;
  const SystemClock clock;
  context.ask(name, static_cast<std::uint16_t>(type), after(clock.now(), 10s),
              [&promise](world::DnsAnswer answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

TEST(UnboundContext, WithTheSystemsServersTheHostsFileHolds) {
  const auto hosts = read_hosts();
  const auto host = std::ranges::find_if(hosts, [](const HostName& each) { return each.address.is_v4(); });
  ASSERT_NE(host, hosts.end()) << "/etc/hosts has localhost, as on every machine";
  const SystemClock clock;
  auto context = UnboundContext::make({}, clock);
  ASSERT_TRUE(context) << context.error().text;
  const auto answer = answer_of(**context, host->name, world::DnsType::a);
  ASSERT_EQ(answer.status, world::DnsAnswer::Status::found) << answer.why;
  EXPECT_TRUE(std::ranges::any_of(answer.records, [&](const world::DnsRecord& record) {
    const auto* const address = std::get_if<IpAddress>(&record);
    return address != nullptr && *address == host->address;
  })) << host->name;
  EXPECT_EQ(answer.security, world::DnsSecurity::insecure);
}

}  // namespace
}  // namespace posthorn::system
