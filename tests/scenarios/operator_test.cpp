// The operator's hands, in the simulated world: what is asked is durable, attempts that are under way do not undo it, and what
// happened can be seen.
#include "receiving_server.hpp"
#include "service/http_reply.hpp"
#include "sim/disk_choice.hpp"
#include "simulated_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <iostream>
#include <memory>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// A start of the server, and the hosts around it.
struct World {
  explicit World(sim::Disk& disk, std::uint64_t seed, bool paused = false)
      : server(disk, {.seed = seed, .paused = paused}) {
    auto& dns = server.resolver();
    for (const auto* domain : {"example.com", "example.net"})
      dns.add(domain, world::DnsType::mx, world::MxRecord{10, "mx1.example.com"});
    dns.add("elsewhere.example", world::DnsType::mx, world::MxRecord{10, "dead.example"});
    dns.add("mx1.example.com", world::DnsType::a, *IpAddress::parse("198.51.100.1"));
    dns.add("dead.example", world::DnsType::a, *IpAddress::parse("198.51.100.9"));
  }

  SimulatedServer server;
  ReceivingServer host{server.loop(), server.network(), {*IpAddress::parse("198.51.100.1"), 25}};
};

struct Answer {
  unsigned status = 0;
  std::string body;
  json value;
};

struct Operator : testing::Test {
  sim::Disk disk;
  std::unique_ptr<World> world = std::make_unique<World>(disk, 1);

  SimulatedServer& server() { return world->server; }
  ReceivingServer& host() { return world->host; }

  void SetUp() override { ASSERT_TRUE(server().start()) << server().log().text(); }
  void TearDown() override {
    if (HasFailure()) std::cerr << server().log().text();
  }

  /// Another start on what the disk kept; `power_cut`: of what was synced only.
  void restart(bool power_cut) {
    if (!power_cut) server().stop();
    world.reset();
    sim::LoseAll nothing_unsynced;
    if (power_cut) disk.reboot(nothing_unsynced);
    world = std::make_unique<World>(disk, 2);
    ASSERT_TRUE(server().start()) << server().log().text();
    run(1s);
  }
  void run(Duration time) { server().loop().run_for(time); }
  /// The id of the message.
  std::string send(std::string_view to) {
    const auto heard =
        server().talk(SimulatedServer::relay, session_text("alice@example.org", to, "Subject: s\r\n\r\nsecret words"));
    const auto at = heard.find("accepted as ");
    EXPECT_NE(at, std::string::npos) << heard;
    return at == std::string::npos ? "" : heard.substr(at + 12, 13);
  }
  Answer ask(std::string_view target, const json& body = nullptr) {
    Answer answer;
    service::HttpReplyReader reader([&](std::string_view octets) { answer.body += octets; });
    const auto text = server().ask(target, body.is_null() ? "" : body.dump());
    reader.feed(text);
    EXPECT_EQ(reader.state(), service::HttpReplyReader::State::done) << text;
    answer.status = reader.status();
    answer.value = json::parse(answer.body, nullptr, false);
    return answer;
  }
  json change(const std::string& action, const json& body) {
    const auto answer = ask("/api/queue/" + action, body);
    EXPECT_EQ(answer.status, 200U) << answer.body;
    return answer.value;
  }
  json list() { return ask("/api/queue").value; }
  json show(const std::string& id) { return ask("/api/queue/" + id).value; }
  std::vector<std::string> events(const std::string& id) {
    std::vector<std::string> words;
    for (const auto& event : show(id)["history"]) words.push_back(event["event"]);
    return words;
  }
  std::uint64_t waiting() { return server().server().spool().facts().messages; }
  std::size_t mails() { return server().mails("alice").size(); }
  void refuse_for_now() { host().answer("RCPT", "450 4.2.0 try again later"); }
};

TEST_F(Operator, SeesWhatWaits) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  const auto messages = list();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0]["id"], id);
  EXPECT_EQ(messages[0]["sender"], "alice@example.org");
  EXPECT_GT(messages[0]["size"], 20);
  EXPECT_THAT(messages[0]["arrived"].get<std::string>(), testing::MatchesRegex("[0-9-]+T[0-9:]+Z"));
  const auto& recipient = messages[0]["recipients"][0];
  EXPECT_EQ(recipient["address"], "bob@example.com");
  EXPECT_EQ(recipient["status"], "queued");
  EXPECT_EQ(recipient["attempts"], 1);
  EXPECT_THAT(recipient["next_attempt"].get<std::string>(), testing::MatchesRegex("[0-9-]+T[0-9:]+Z"));
  EXPECT_EQ(recipient["last_reply"], "450 4.2.0 try again later");
  EXPECT_EQ(recipient["destination"], "example.com");
}

TEST_F(Operator, SeesThatWhatWasNotTriedIsDueSinceItCame) {
  server().stop();
  world.reset();
  world = std::make_unique<World>(disk, 2, true);
  ASSERT_TRUE(server().start()) << server().log().text();
  send("bob@example.com");
  run(10s);
  const auto messages = list();
  ASSERT_THAT(messages, SizeIs(1));
  EXPECT_EQ(messages[0]["recipients"][0]["next_attempt"], messages[0]["arrived"]);
}

TEST_F(Operator, SeesTheHistoryAndTheDialoguesWithoutTheText) {
  host().answer(".", "451 4.3.0 not now");
  const auto id = send("bob@example.com");
  run(10s);
  const auto shown = show(id);
  EXPECT_THAT(events(id), ElementsAre("accepted", "deferred"));
  EXPECT_EQ(shown["history"][1]["rule"], "retry schedule");
  ASSERT_THAT(shown["dialogues"], SizeIs(1));
  const auto dialogue = shown["dialogues"].dump();
  EXPECT_THAT(dialogue, HasSubstr("<<< 451 4.3.0 not now"));
  EXPECT_THAT(dialogue, HasSubstr(">>> MAIL FROM:<alice@example.org>"));
  EXPECT_THAT(dialogue, Not(HasSubstr("secret words")));
}

TEST_F(Operator, SeesAMessageThatIsGoneAlsoAfterARestart) {
  const auto id = send("bob@example.com");
  run(10s);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_THAT(list(), SizeIs(0));
  EXPECT_THAT(events(id), ElementsAre("accepted", "delivered"));
  restart(false);
  EXPECT_THAT(events(id), ElementsAre("accepted", "delivered"));
  EXPECT_EQ(show(id)["recipients"][0]["status"], "delivered");
  EXPECT_EQ(ask("/api/queue/0000000000001").status, 404U);
}

TEST_F(Operator, HoldsAndReleases) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  EXPECT_EQ(change("hold", {{"ids", {id}}})["recipients"], 1);
  host().forget_answers();
  const auto sessions = host().sessions();
  run(2h);
  EXPECT_EQ(host().sessions(), sessions) << "what is held is not tried";
  EXPECT_EQ(list()[0]["recipients"][0]["status"], "held");
  EXPECT_TRUE(list()[0]["recipients"][0]["next_attempt"].is_null());
  EXPECT_EQ(change("release", {{"ids", {id}}})["recipients"], 1);
  run(10s);
  EXPECT_EQ(host().letters().size(), 1U);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_THAT(events(id), ElementsAre("accepted", "deferred", "held", "released", "delivered"));
}

TEST_F(Operator, AHoldSurvivesAPowerCut) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  change("hold", {{"ids", {id}}});
  restart(true);
  run(1h);
  EXPECT_EQ(host().sessions(), 0U);
  EXPECT_EQ(list()[0]["recipients"][0]["status"], "held");
  change("release", {{"all", true}});
  run(10s);
  EXPECT_EQ(host().letters().size(), 1U);
}

TEST_F(Operator, RemovesAndNobodyIsTold) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  EXPECT_EQ(change("remove", {{"ids", {id}}})["recipients"], 1);
  EXPECT_EQ(waiting(), 0U);
  restart(true);
  run(1h);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(mails(), 0U);
}

TEST_F(Operator, EndsTheTimeOfAMessageAndItsSenderIsTold) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  EXPECT_EQ(change("expire", {{"ids", {id}}})["recipients"], 1);
  run(10s);
  ASSERT_EQ(mails(), 1U);
  const auto report = disk.contents(server().mails("alice").front()).value_or("");
  EXPECT_THAT(report, HasSubstr("Action: failed"));
  EXPECT_THAT(report, HasSubstr("4.7"));
  EXPECT_THAT(report, HasSubstr("try again later"));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_THAT(events(id), ElementsAre("accepted", "deferred", "expired", "reported"));
}

TEST_F(Operator, EndsWhatWasNeverTried) {
  world.reset();
  world = std::make_unique<World>(disk, 2, true);
  ASSERT_TRUE(server().start()) << server().log().text();
  const auto id = send("bob@example.com");
  change("expire", {{"ids", {id}}});
  EXPECT_EQ(show(id)["recipients"][0]["status_code"], "5.4.7");
  restart(false);
  run(10s);
  ASSERT_EQ(mails(), 1U);
  const auto report = disk.contents(server().mails("alice").front()).value_or("");
  EXPECT_THAT(report, HasSubstr("Status: 5.4.7\n"));
  EXPECT_THAT(report, Not(HasSubstr("Last-Attempt-Date")));
}

TEST_F(Operator, TriesNow) {
  refuse_for_now();
  const auto id = send("bob@example.com");
  run(10s);
  host().forget_answers();
  run(1min);
  EXPECT_EQ(host().letters().size(), 0U);
  change("retry", {{"recipient", "BOB@example.com"}});
  run(1s);
  EXPECT_EQ(host().letters().size(), 1U);
}

TEST_F(Operator, TriesADeadDestinationNow) {
  for (int i = 0; i < 5; ++i) send("bob@elsewhere.example");
  run(20min);
  EXPECT_EQ(waiting(), 5U);
  ReceivingServer back(server().loop(), server().network(), {*IpAddress::parse("198.51.100.9"), 25});
  change("retry", {{"domain", "elsewhere.example"}});
  run(10s);
  EXPECT_EQ(back.letters().size(), 5U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Operator, MeansOnlyTheRecipientsThatWereNamed) {
  refuse_for_now();
  const auto heard = server().talk(SimulatedServer::relay,
                                   "EHLO c\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.com>\r\n"
                                   "RCPT TO:<carol@example.net>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n");
  EXPECT_THAT(heard, HasSubstr("accepted as"));
  run(10s);
  EXPECT_EQ(change("remove", {{"domain", "example.com"}})["recipients"], 1);
  host().forget_answers();
  change("retry", {{"all", true}});
  run(10s);
  ASSERT_EQ(host().letters().size(), 1U);
  EXPECT_THAT(host().letters()[0].recipients, ElementsAre("<carol@example.net>"));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Operator, IsRefusedWhatIsNotMeantForSure) {
  const auto id = send("bob@elsewhere.example");
  run(1s);
  for (const auto& body : {json::object(), json{{"all", false}}, json{{"ids", json::array()}}, json{{"ids", {"x"}}},
                           json{{"ids", {id}}, {"all", true}}, json{{"sendre", "alice@example.org"}},
                           json{{"domain", 5}}, json::array()}) {
    EXPECT_EQ(ask("/api/queue/remove", body).status, 400U) << body;
  }
  EXPECT_EQ(ask("/api/queue/explode", {{"all", true}}).status, 404U);
  EXPECT_EQ(waiting(), 1U);
  const auto unknown = ask("/api/queue/hold", {{"ids", {"0000000000001"}}});
  EXPECT_THAT(unknown.value["not_found"], SizeIs(1));
}

TEST_F(Operator, ChangesNothingWithoutTheToken) {
  send("bob@elsewhere.example");
  run(1s);
  const auto post = [&](std::string_view fields) {
    return server().talk(SimulatedServer::control, "POST /api/queue/remove HTTP/1.1\r\n" + std::string(fields) +
                                                       "Connection: close\r\nContent-Length: 12\r\n\r\n{\"all\":true}");
  };
  const auto bearer = "Authorization: Bearer " + SimulatedServer::token;
  EXPECT_THAT(post("Host: localhost\r\n"), HasSubstr(" 401 "));
  EXPECT_THAT(post("Host: localhost\r\nAuthorization: Bearer \r\n"), HasSubstr(" 401 "));
  EXPECT_THAT(post("Host: localhost\r\n" + bearer + "x\r\n"), HasSubstr(" 401 "));
  EXPECT_THAT(post("Host: mail.example.org\r\n" + bearer + "\r\n"), HasSubstr(" 421 "));
  EXPECT_EQ(waiting(), 1U);
  EXPECT_THAT(post("Host: 127.0.0.1:8025\r\n" + bearer + "\r\n"), HasSubstr(" 200 "));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(Operator, MetricsAddUp) {
  refuse_for_now();
  send("bob@example.com");
  send("carol@elsewhere.example");
  send("bob@example.org");
  const auto held = send("dave@example.com");
  run(10s);
  change("hold", {{"ids", {held}}});
  change("expire", {{"recipient", "bob@example.com"}});
  restart(true);
  host().answer("RCPT", "550 5.1.1 no");
  send("erin@example.com");
  run(10s);
  const auto text = ask("/metrics").body;
  const auto value = [&](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos
               ? -1.0
               : json::parse(text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2))
                     .get<double>();
  };
  const auto in = value("posthorn_recipients_accepted_total") + value("posthorn_recipients_recovered_total");
  const auto out = value("posthorn_recipients_delivered_total") + value("posthorn_recipients_bounced_total") +
                   value("posthorn_recipients_removed_total");
  const auto left =
      value("posthorn_recipients_waiting{status=\"queued\"}") + value("posthorn_recipients_waiting{status=\"held\"}");
  EXPECT_EQ(in, out + left) << text;
  EXPECT_EQ(left, 2) << text;
  EXPECT_THAT(text, HasSubstr("posthorn_commit_seconds_count"));
}

TEST_F(Operator, HearsWhatWouldHappen) {
  const auto local = ask("/api/explain?address=alice%40example.org").value;
  EXPECT_EQ(local["result"], "local");
  EXPECT_THAT(local.dump(), HasSubstr("into the mailbox of alice"));
  const auto remote = ask("/api/explain?address=bob@example.com").value;
  EXPECT_EQ(remote["result"], "remote");
  EXPECT_THAT(remote.dump(), HasSubstr("mx1.example.com at 198.51.100.1:25"));
  EXPECT_THAT(remote.dump(), HasSubstr("mx, mx (anyone): refused: 550 5.7.1"));
  EXPECT_THAT(ask("/api/explain?address=nobody@example.org").value.dump(), HasSubstr("refused at RCPT: 550 5.1.1"));
}

// ---- an attempt is under way ----

struct Race {
  const char* name;
  const char* action;
  const char* reply;   ///< to the final dot; none: it is taken
  const char* status;  ///< of the recipient at the end; "gone": the message is
  std::size_t letters;
  std::size_t reports;
};

void PrintTo(const Race& race, std::ostream* out) { *out << race.name; }

struct UnderWay : Operator, testing::WithParamInterface<Race> {};

TEST_P(UnderWay, IsNotUndone) {
  const auto& race = GetParam();
  if (race.reply != nullptr) host().answer(".", race.reply);
  host().stall(".");
  const auto id = send("bob@example.com");
  run(5s);
  const auto done = change(race.action, {{"ids", {id}}});
  EXPECT_EQ(done["recipients"], 1);
  EXPECT_EQ(done["running"], 1);
  host().go_on();
  run(10s);
  EXPECT_EQ(host().letters().size(), race.letters);
  EXPECT_EQ(mails(), race.reports);
  const auto messages = list();
  if (std::string_view(race.status) == "gone") {
    EXPECT_THAT(messages, SizeIs(0)) << messages;
  } else {
    ASSERT_THAT(messages, SizeIs(1));
    EXPECT_EQ(messages[0]["recipients"][0]["status"], race.status);
  }
  const auto sessions = host().sessions();
  run(1min);
  EXPECT_EQ(host().sessions(), sessions) << "nothing more happens by itself";
}

TEST_F(Operator, WhatIsTakenAfterItsRemovalIsToldSo) {
  host().stall(".");
  const auto id = send("bob@example.com");
  run(5s);
  change("remove", {{"ids", {id}}});
  host().go_on();
  run(10s);
  const auto history = show(id)["history"];
  ASSERT_THAT(history, SizeIs(3)) << history;
  EXPECT_EQ(history[1]["event"], "removed");
  EXPECT_EQ(history[2]["event"], "delivered nevertheless");
  EXPECT_THAT(history[2]["reply"].dump(), HasSubstr("250 "));
}

TEST_P(UnderWay, IsNotUndoneByAPowerCutEither) {
  const auto& race = GetParam();
  host().stall(".");
  const auto id = send("bob@example.com");
  run(5s);
  change(race.action, {{"ids", {id}}});
  restart(true);
  const std::string_view action = race.action;
  run(1min);
  if (action == "hold") EXPECT_EQ(list()[0]["recipients"][0]["status"], "held");
  if (action == "hold" || action == "remove") EXPECT_EQ(host().sessions(), 0U);
  if (action == "remove" || action == "expire") EXPECT_EQ(waiting(), 0U);
  // The attempt that the cut interrupted is made again, as the last one.
  if (action == "expire") EXPECT_EQ(mails() + host().letters().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Operator, UnderWay,
                         testing::Values(Race{"hold_delivered", "hold", nullptr, "gone", 1, 0},
                                         Race{"hold_deferred", "hold", "451 4.3.0 later", "held", 0, 0},
                                         Race{"hold_refused", "hold", "554 5.6.0 no", "gone", 0, 1},
                                         Race{"remove_delivered", "remove", nullptr, "gone", 1, 0},
                                         Race{"remove_deferred", "remove", "451 4.3.0 later", "gone", 0, 0},
                                         Race{"remove_refused", "remove", "554 5.6.0 no", "gone", 0, 0},
                                         Race{"expire_delivered", "expire", nullptr, "gone", 1, 0},
                                         Race{"expire_deferred", "expire", "451 4.3.0 later", "gone", 0, 1},
                                         Race{"expire_refused", "expire", "554 5.6.0 no", "gone", 0, 1},
                                         Race{"retry_delivered", "retry", nullptr, "gone", 1, 0},
                                         Race{"retry_deferred", "retry", "451 4.3.0 later", "queued", 0, 0}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace posthorn::scenarios
