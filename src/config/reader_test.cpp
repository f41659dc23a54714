#include "config/reader.hpp"

#include "config/document.hpp"
#include "config/kinds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

namespace posthorn::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Configuration read(std::string_view text) {
  const auto configuration = read_configuration(text);
  if (configuration) return *configuration;
  for (const auto& fault : configuration.error()) ADD_FAILURE() << fault.to_string("posthorn.toml");
  return {};
}

std::vector<std::string> faults_of(std::string_view text) {
  const auto configuration = read_configuration(text);
  std::vector<std::string> lines;
  if (configuration) return lines;
  for (const auto& fault : configuration.error()) lines.push_back(fault.to_string("posthorn.toml"));
  return lines;
}

TEST(Reader, takes_an_empty_file) {
  const auto configuration = read("");
  EXPECT_EQ(configuration.state, "/var/lib/posthorn");
  EXPECT_EQ(configuration.mailbox.root, "/var/spool/mail");
  EXPECT_EQ(configuration.limits.recipients, 1000U);
  EXPECT_TRUE(configuration.listeners.empty());
}

TEST(Reader, takes_a_whole_configuration) {
  const auto c = read(R"(
    hostname = "MX.Example.org"
    domains  = ["example.org", "bücher.example"]
    state    = "/var/lib/posthorn"

    [[listener]]
    address = ["0.0.0.0:25", "[::]:25"]
    role    = "mx"
    tls     = "starttls"

    [[listener]]
    interface = "eth0"
    port      = 2525
    role      = "relay"
    tls       = "none"

    [[listener]]
    address = ["0.0.0.0:465"]
    role    = "submission"
    tls     = "implicit"

    [tls]
    certificate = "/etc/posthorn/tls.pem"
    key         = "/etc/posthorn/tls.key"
    [[tls.identity]]
    names       = ["mail.example.net"]
    certificate = "/etc/posthorn/net.pem"

    [mailbox]
    root   = "/srv/mail"
    format = "numbered"
    users  = "/etc/posthorn/users"
    aliases = "/etc/aliases"
    other_servers = "files"

    [queue]
    retry  = ["5s", "1h30m"]
    expire = "5d"
    warn   = "250ms"
    paused = true

    [remote]
    port = 2525
    smarthost = "relay.example:587"
    interface = "192.0.2.7"
    allow_loopback = true

    [[route]]
    domain = ["partner.example", ".below.example", "*"]
    to     = "lmtp:unix:/run/lmtp"
    tls    = "require"

    [dns]
    servers = ["127.0.0.1:5353", "2001:db8::53"]
    trust_anchor = "/etc/anchor"

    [process]
    user = ""

    [limits]
    message_size = "25MiB"
    recipients = 100
    data_rate = "1KB"

    [log]
    file   = "/var/log/posthorn.log"
    level  = "debug"
    format = "json"

    [admin]
    socket = "/run/posthorn.sock"
    http   = "127.0.0.1:8025"
  )");
  EXPECT_EQ(c.hostname, "mx.example.org");
  EXPECT_THAT(c.domains, ElementsAre("example.org", "xn--bcher-kva.example"));
  ASSERT_EQ(c.listeners.size(), 3U);
  EXPECT_EQ(c.listeners[0].addresses[1].to_string(), "[::]:25");
  EXPECT_EQ(c.listeners[1].interface, "eth0");
  EXPECT_EQ(c.listeners[1].port, 2525);
  EXPECT_EQ(c.listeners[1].role, ListenerRole::relay);
  EXPECT_EQ(c.listeners[1].tls, ListenerTls::none);
  EXPECT_EQ(c.listeners[2].tls, ListenerTls::implicit);
  EXPECT_EQ(c.tls.identities.at(0).certificate, "/etc/posthorn/net.pem");
  EXPECT_EQ(c.mailbox.format, MailboxFormat::numbered);
  EXPECT_EQ(c.mailbox.other_servers, OtherServers::files);
  EXPECT_THAT(c.queue.retry, ElementsAre(seconds{5}, minutes{90}));
  EXPECT_EQ(c.queue.warn, std::chrono::milliseconds{250});
  EXPECT_TRUE(c.queue.paused);
  EXPECT_EQ(c.remote.smarthost->host, "relay.example");
  EXPECT_EQ(c.remote.smarthost->port, 587);
  EXPECT_EQ(c.remote.source.address->to_string(), "192.0.2.7");
  EXPECT_THAT(c.routes.at(0).domains, ElementsAre("partner.example", ".below.example", "*"));
  EXPECT_EQ(c.routes[0].to.unix_path, "/run/lmtp");
  EXPECT_EQ(c.routes[0].to.protocol, NextHop::Protocol::lmtp);
  EXPECT_EQ(c.dns.servers.at(1).to_string(), "[2001:db8::53]:53");
  EXPECT_EQ(c.process.user, "");
  EXPECT_EQ(c.limits.message_size, 25 * mebibyte);
  EXPECT_EQ(c.limits.data_rate, 1000U);
  EXPECT_EQ(c.log.level, world::LogLevel::debug);
  EXPECT_EQ(c.admin.http->port, 8025);
}

struct Row {
  std::string_view text;
  std::string_view fault;  // begins the one line that is told
};

class ReaderFault : public ::testing::TestWithParam<Row> {};

TEST_P(ReaderFault, is_told_with_its_place_and_key) {
  const auto lines = faults_of(GetParam().text);
  ASSERT_EQ(lines.size(), 1U) << GetParam().text;
  EXPECT_THAT(lines.front(), HasSubstr("posthorn.toml:" + std::string(GetParam().fault))) << GetParam().text;
}

constexpr std::array fault_rows{
    // TOML itself
    Row{"hostname = ", "1:"},
    Row{"a = 1\na = 2", "2:"},
    Row{"hostname = \"x\nstate = \"y\"", "1:"},
    Row{"\n\n[limits", "3:"},
    // unknown keys
    Row{"hostnam = \"x\"", "1:1: hostnam: there is no such setting; did you mean \"hostname\"?"},
    Row{"[limits]\nrecipents = 5", "2:1: limits.recipents: there is no such setting; did you mean \"recipients\"?"},
    Row{"[limit]\nrecipients = 5", "1:2: limit: there is no such setting; did you mean \"limits\"?"},
    Row{"retry = [\"5m\"]", "1:1: retry: there is no such setting; it belongs in [queue]"},
    Row{"[[listener]]\naddress = [\"127.0.0.1:25\"]\n  colour = 1", "3:3: listener.colour: there is no such setting"},
    Row{"\"a\\u0007b\" = 1", "1:1: a\\x07b: there is no such setting"},
    // wrong types
    Row{"hostname = 5", "1:12: hostname: must be a domain name, not a whole number"},
    Row{"domains = \"example.org\"", "1:11: domains: must be a list, each element a domain name, not a text"},
    Row{"domains = [\"a.example\", 7]", "1:25: domains: must be a domain name, not a whole number"},
    Row{"[queue]\npaused = \"yes\"", "2:10: queue.paused: must be true or false, not a text"},
    Row{"[queue]\nexpire = 5", "2:10: queue.expire: must be a duration such as \"30s\", not a whole number"},
    Row{"[limits]\nrecipients = \"many\"", "2:14: limits.recipients: must be a whole number from 1 to 100000, not a"},
    Row{"[limits]\nrecipients = 1.5", "2:14: limits.recipients: must be a whole number from 1 to 100000, not a numb"},
    Row{"[limits]\nmessage_size = 1000", "2:16: limits.message_size: must be a size such as \"25MiB\", not a whole"},
    Row{"limits = 1", "1:10: limits: must be a table, not a whole number"},
    Row{"[listener]\nrole = \"mx\"", "1:1: listener: must be a list of tables, each under [[…]], not a table"},
    Row{"[log]\nfile = 1979-05-27", "2:8: log.file: must be a path, or \"\", not a date or time"},
    // impossible values
    Row{"hostname = \"bad host\"", "1:12: hostname: is no domain name"},
    Row{"hostname = \"[192.0.2.1]\"", "1:12: hostname: must be a name, not an address"},
    Row{"domains = []", "1:11: domains: must not be empty"},
    Row{"state = \"\"", "1:9: state: must not be empty"},
    Row{"state = \"/a\\u0000b\"", "1:9: state: has a control character in it"},
    Row{"[queue]\nretry = []", "2:9: queue.retry: must not be empty"},
    Row{"[queue]\nexpire = \"5 days\"", "2:10: queue.expire: is no duration"},
    Row{"[queue]\nexpire = \"-5d\"", "2:10: queue.expire: is no duration"},
    Row{"[queue]\nexpire = \"9999999999999999999d\"", "2:10: queue.expire: is no duration"},
    Row{"[queue]\nexpire = \"5000d\"", "2:10: queue.expire: must be from 10ms to 365d"},
    Row{"[limits]\nrecipients = 0", "2:14: limits.recipients: must be a whole number from 1 to 100000, not 0"},
    Row{"[limits]\nrecipients = -1", "2:14: limits.recipients: must be a whole number from 1 to 100000, not -1"},
    Row{"[limits]\nmessage_size = \"25 apples\"", "2:16: limits.message_size: is no size"},
    Row{"[limits]\nmessage_size = \"99999999999TiB\"", "2:16: limits.message_size: is no size"},
    Row{"[limits]\nmessage_size = \"0B\"", "2:16: limits.message_size: must be from 1B to 64GiB"},
    Row{"[remote]\nport = 70000", "2:8: remote.port: must be a port from 1 to 65535, not 70000"},
    Row{"[remote]\nport = 0", "2:8: remote.port: must be a port"},
    Row{"[remote]\nsmarthost = \"a:b:c\"", "2:13: remote.smarthost: must be \"host\""},
    Row{"[remote]\ninterface = \"no such interface\"", "2:13: remote.interface: must be the name of a network"},
    Row{"[log]\nlevel = \"loud\"",
        "2:9: log.level: must be \"error\", \"warning\", \"info\" or \"debug\", not \"loud\""},
    Row{"[log]\nlevel = \"inof\"",
        "2:9: log.level: must be \"error\", \"warning\", \"info\" or \"debug\", not \"inof\"; "
        "did you mean \"info\"?"},
    Row{"[dns]\nservers = [\"ns.example.org\"]", "2:12: dns.servers: must be an address"},
    Row{"[admin]\nhttp = \"0.0.0.0:8025\"", "2:1: admin.http: must be an address of the loopback"},
    Row{"[mailbox]\nseparator = \"--\"", "2:1: mailbox.separator: must be one character"},
    Row{"[mailbox]\nforward_file = \"../x\"", "2:16: mailbox.forward_file: must be the name of a file"},
    Row{"[auth]\nsources = [\"ldap\"]", "2:12: auth.sources: must be \"users\""},
    // what does not fit together
    Row{"[[listener]]\nrole = \"mx\"", "1:1: listener: needs address"},
    Row{"[[listener]]\naddress = [\"127.0.0.1\"]", "2:12: listener.address: must be an address with a port"},
    Row{"[[listener]]\naddress = []", "2:11: listener.address: must not be empty"},
    Row{"[[listener]]\ninterface = \"eth0\"", "2:1: listener.interface: needs port = 25"},
    Row{"[[listener]]\nport = 25", "1:1: listener: needs address"},
    Row{"[[listener]]\naddress = [\"127.0.0.1:25\"]\nport = 25", "3:1: listener.port: goes with interface"},
    Row{"[[listener]]\naddress = [\"127.0.0.1:25\"]\ninterface = \"lo\"\nport = 25",
        "3:1: listener.interface: stands beside"},
    Row{"[[listener]]\naddress=[\"127.0.0.1:25\"]\n[[listener]]\naddress=[\"127.0.0.1:25\"]",
        "3:1: listener: 127.0.0.1:25 is listened on twice"},
    Row{"[tls]\nkey = \"/k\"", "2:1: tls.key: needs certificate beside key"},
    Row{"[[tls.identity]]\nnames = [\"a.example\"]", "1:1: tls.identity.certificate: needs certificate"},
    Row{"[remote]\nuser = \"me\"\nsmarthost = \"a.example\"", "2:1: remote.user: needs password_file beside user"},
    Row{"[remote]\nuser = \"me\"\npassword_file = \"/p\"", "2:1: remote.user: needs smarthost beside user"},
    Row{"[[route]]\nto = \"a.example\"", "1:1: route.domain: needs domain"},
    Row{"[[route]]\ndomain = [\"a.example\"]", "1:1: route.to: needs to"},
    Row{"[[route]]\ndomain = [\"a.example\"]\nto = \"lmtp:\"", "3:6: route.to: must be \"host\""},
    Row{"[[route]]\ndomain=[\"a.example\", \"A.example\"]\nto=\"b.example\"", "1:1: route: \"a.example\" has a route"},
    Row{"[[route]]\ndomain=[\"a.example\"]\nto=\"b.example\"\nfingerprints = [\"aa\"]",
        "4:17: route.fingerprints: must"},
};

INSTANTIATE_TEST_SUITE_P(Rows, ReaderFault, ::testing::ValuesIn(fault_rows),
                         [](const auto& info) { return std::to_string(info.index); });

TEST(Reader, tells_several_faults_at_once_in_order) {
  const auto lines = faults_of(
      "hostname = 5\n"
      "[queue]\n"
      "retry = [\"soon\", \"5m\", \"later\"]\n"
      "[limits]\n"
      "recipients = 0\n"
      "nonsense = 1\n");
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_THAT(lines[0], HasSubstr(":1:12: hostname: "));
  EXPECT_THAT(lines[1], HasSubstr(":3:10: queue.retry: "));
  EXPECT_THAT(lines[2], HasSubstr(":3:24: queue.retry: "));
  EXPECT_THAT(lines[3], HasSubstr(":5:14: limits.recipients: "));
  EXPECT_THAT(lines[4], HasSubstr(":6:1: limits.nonsense: "));
}

TEST(Reader, is_bounded) {
  EXPECT_THAT(faults_of(std::string(max_document_octets + 1, '\n')),
              ElementsAre("posthorn.toml: is larger than 1 MiB"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a.";
  EXPECT_THAT(faults_of(deep + "a = 1").at(0), HasSubstr(":1:32: a key has more than 16 parts"));
  EXPECT_THAT(faults_of("x = [" + std::string(100'000, '[')).size(), 1U);
  EXPECT_THAT(faults_of("state = \"" + std::string(5000, 'x') + "\"").at(0), HasSubstr("is longer than 4000 octets"));
}

TEST(Reader, does_not_take_dots_in_texts_and_comments_for_keys) {
  const std::string dots = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t";
  EXPECT_TRUE(faults_of("# " + dots + "\nhostname = \"" + dots + "\"\nstate = '''\n" + dots + "'''").empty());
  EXPECT_TRUE(faults_of("# " + dots + "\nhostname = \"" + dots + "\"\nstate = '" + dots + "'").empty());
}

TEST(Reader, reads_what_it_writes) {
  struct Pair {
    std::string_view given;
    std::string_view written;
  };
  for (const auto& [given, written] : {Pair{"90s", "1m30s"}, {"1w", "7d"}, {"0s", "0s"}, {"1h1ms", "1h1ms"}}) {
    const auto queue = read("[queue]\nwarn = \"" + std::string(given) + "\"").queue;
    EXPECT_EQ(duration_text(queue.warn), written);
  }
  for (const auto& [given, written] : {Pair{"1024KiB", "1MiB"}, {"2mb", "2MB"}, {"1001B", "1001B"}, {"0B", "0B"}}) {
    const auto limits = read("[limits]\ndata_rate = \"" + std::string(given) + "\"").limits;
    EXPECT_EQ(size_text(limits.data_rate), written);
  }
}

TEST(Reader, reads_next_hops) {
  struct Hop {
    std::string_view given;
    std::string_view written;
  };
  static constexpr std::array<Hop, 9> hops{{
      {"Relay.Example", "relay.example"},
      {"relay.example:2525", "relay.example:2525"},
      {"192.0.2.1", "192.0.2.1"},
      {"192.0.2.1:26", "192.0.2.1:26"},
      {"[192.0.2.1]:26", "192.0.2.1:26"},
      {"[2001:DB8::1]:26", "[2001:db8::1]:26"},
      {"[2001:db8::1]", "[2001:db8::1]"},
      {"lmtp:127.0.0.1:24", "lmtp:127.0.0.1:24"},
      {"lmtp:unix:/run/dovecot/lmtp", "lmtp:unix:/run/dovecot/lmtp"},
  }};
  for (const auto& hop : hops) {
    const auto routes = read("[[route]]\ndomain = [\"*\"]\nto = \"" + std::string(hop.given) + "\"").routes;
    EXPECT_EQ(next_hop_text(routes.at(0).to), hop.written);
  }
  for (const auto* wrong : {"", ":25", "a.example:0", "a.example:65536", "2001:db8::1", "[2001:db8::1", "unix:/x",
                            "lmtp:unix:x", "a b", "http://a.example"}) {
    EXPECT_EQ(faults_of("[[route]]\ndomain = [\"*\"]\nto = \"" + std::string(wrong) + "\"").size(), 1U) << wrong;
  }
}

}  // namespace
}  // namespace posthorn::config
