#include "rules/routing.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using smtp::RemoteTls;

Routing::Route route(std::vector<std::string> domains, const char* to, RemoteTls tls = RemoteTls::may) {
  return {std::move(domains), NextHop::parse(to).value(), {.tls = tls}};
}

TEST(Routing, WithoutRulesMailGoesByMx) {
  const Routing routing({.mx_tls = RemoteTls::require});
  const auto& way = routing.way_for("example.org");
  EXPECT_EQ(way.kind, Way::Kind::mx);
  EXPECT_EQ(way.security.tls, RemoteTls::require);
  EXPECT_EQ(way.rule, "MX");
  EXPECT_EQ(Routing::destination_key(way, "example.org"), "example.org");
}

TEST(Routing, TheMostParticularRuleCounts) {
  const Routing routing(
      {.routes = {route({".example.org"}, "below"), route({"*"}, "star"), route({"example.org"}, "exact"),
                  route({".deep.example.org"}, "deeper"), route({"example.org", "*"}, "too-late"),
                  route({"other.example"}, "lmtp:unix:/run/lmtp")},
       .smarthost = NextHop::parse("smart:587").value()});
  struct Row {
    const char* domain;
    const char* hop;
    const char* rule;
  };
  for (const auto& [domain, hop, rule] : {
           Row{"example.org", "exact", "route example.org"},
           Row{"a.example.org", "below", "route .example.org"},
           Row{"a.b.example.org", "below", "route .example.org"},
           Row{"a.deep.example.org", "deeper", "route .deep.example.org"},
           Row{"deep.example.org", "below", "route .example.org"},
           Row{"notexample.org", "star", "route *"},
           Row{"org", "star", "route *"},
           Row{"[192.0.2.1]", "star", "route *"},
           Row{"other.example", "lmtp:unix:/run/lmtp", "route other.example"},
       }) {
    const auto& way = routing.way_for(domain);
    EXPECT_EQ(way.kind, Way::Kind::hop) << domain;
    EXPECT_EQ(way.hop.to_string(), hop) << domain;
    EXPECT_EQ(way.rule, rule) << domain;
  }
}

TEST(Routing, ASmarthostTakesWhatNoRouteNames) {
  const Routing routing({.routes = {route({"example.org"}, "exact")},
                         .smarthost = NextHop::parse("smart:587").value(),
                         .smarthost_security = {.tls = RemoteTls::verify}});
  EXPECT_EQ(routing.way_for("example.org").rule, "route example.org");
  EXPECT_EQ(routing.way_for("other.example").rule, "smarthost");
  EXPECT_EQ(routing.way_for("other.example").security.tls, RemoteTls::verify);
}

TEST(Routing, HandOverFoldersTakeEverything) {
  const Routing routing({.routes = {route({"example.org"}, "exact")},
                         .smarthost = NextHop::parse("smart").value(),
                         .hand_over_files = true});
  const auto& way = routing.way_for("example.org");
  EXPECT_EQ(way.kind, Way::Kind::files);
  EXPECT_EQ(Routing::destination_key(way, "example.org"), "files:example.org");
}

TEST(Routing, WaysThatDifferInSecurityAreDifferentDestinations) {
  auto with_login = route({"c.example"}, "relay:25");
  with_login.security.login = std::make_shared<const Login>("alice", Secret{"secret"});
  const Routing routing({.routes = {route({"a.example", "b.example"}, "relay:25"), with_login,
                                    route({"d.example"}, "relay:25", RemoteTls::require)}});
  const auto key = [&](const char* domain) { return Routing::destination_key(routing.way_for(domain), domain); };
  EXPECT_EQ(key("a.example"), key("b.example"));
  EXPECT_NE(key("a.example"), key("c.example"));
  EXPECT_NE(key("a.example"), key("d.example"));
  EXPECT_EQ(key("c.example").find("secret"), std::string::npos);

  // Also by MX, where the domain is the same and the settings have changed: no connection may serve both.
  const std::string some(32, 'a');
  const std::string other(32, 'b');
  EXPECT_NE(Routing::security_key({.tls = RemoteTls::may}), Routing::security_key({.tls = RemoteTls::require}));
  EXPECT_NE(Routing::security_key({.tls = RemoteTls::verify, .fingerprints = {some}}),
            Routing::security_key({.tls = RemoteTls::verify, .fingerprints = {other}}));
}

}  // namespace
}  // namespace posthorn::rules
