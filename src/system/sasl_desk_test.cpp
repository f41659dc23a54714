// Logins over a channel: the engine's side and the keys process's, without the processes.
#include "system/sasl_desk.hpp"

#include "system/auth_service.hpp"
#include "system/auth_wire.hpp"
#include "system/channel_threads.hpp"
#include "system/password_helper.hpp"
#include "system/remote_sasl.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;
using Kind = world::AuthAnswer::Kind;

/// Says yes to one password, and counts.
class OneUser final : public PasswordSource {
 public:
  std::atomic<int> asked = 0;

  PasswordVerdict check(const PasswordQuestion& question) override {
    ++asked;
    if (question.password.reveal() == "trouble") return {PasswordVerdict::Kind::trouble, "its server is away"};
    if (question.name != "alice" || question.password.reveal() != "sesame") return {};
    return {PasswordVerdict::Kind::right, "alice"};
  }
};

class Logins : public ::testing::Test {
 protected:
  OneUser source;
  AuthService service{{&source}, nullptr};
  SaslDesk desk{service, 3};
  std::unique_ptr<ChannelThreads> threads =
      std::make_unique<ChannelThreads>([this](KeysPacket kind, std::string_view body) -> Result<ChannelThreads::Reply> {
        auto reply = desk.answer(kind, body);
        if (!reply) return failure(std::move(reply.error()));
        const bool is_offer = kind == KeysPacket::auth_offer;
        return ChannelThreads::Reply{.kind = is_offer ? KeysPacket::auth_offered : KeysPacket::auth_answer,
                                     .body = std::move(*reply)};
      });
  std::shared_ptr<KeysClient> client = std::make_shared<KeysClient>(5s);
  std::unique_ptr<RemoteSasl> sasl = std::make_unique<RemoteSasl>(client);

  void SetUp() override { open_channel(); }
  void TearDown() override {
    sasl.reset();
    client.reset();  // the channels with it, and the threads end
    threads.reset();
  }
  void open_channel() {
    auto ends = ControlChannel::make_pair();
    threads->add(std::move(ends->first));
    client->add_channel(std::move(ends->second));
  }
  world::AuthAnswer log_in(const std::string& words) {
    const auto exchange = sasl->begin({.mechanism = "PLAIN"});
    auto answer = exchange->respond(Secret{words});
    return answer.kind == Kind::claim ? exchange->proceed() : answer;
  }
};

const std::string right("\0alice\0sesame", 13);

TEST_F(Logins, AreTheSameAsWithoutAProcessBetween) {
  EXPECT_EQ(log_in(right).kind, Kind::success);
  EXPECT_EQ(log_in(right).text, "alice");
  EXPECT_EQ(log_in(std::string("\0alice\0wrong", 12)).kind, Kind::failure);
  const auto trouble = log_in(std::string("\0alice\0trouble", 14));
  EXPECT_EQ(trouble.kind, Kind::trouble);
  EXPECT_EQ(trouble.text, "its server is away");
  EXPECT_TRUE(sasl->offer().passwords);
  EXPECT_FALSE(sasl->offer().scram);
}

TEST_F(Logins, NothingIsCheckedBeforeTheClaimMayGoOn) {
  const auto exchange = sasl->begin({.mechanism = "PLAIN"});
  EXPECT_EQ(exchange->respond(Secret{right}).text, "alice");
  EXPECT_EQ(source.asked, 0);
  EXPECT_EQ(exchange->proceed().kind, Kind::success);
  EXPECT_EQ(source.asked, 1);
  EXPECT_EQ(exchange->proceed().kind, Kind::failure) << "it has ended";
}

TEST_F(Logins, ThatNobodyEndsAreForgotten) {
  const auto oldest = sasl->begin({.mechanism = "LOGIN"});
  EXPECT_EQ(oldest->respond(std::nullopt).kind, Kind::challenge);
  std::vector<std::unique_ptr<SaslExchange>> others;
  for (int i = 0; i < 3; ++i) {
    others.push_back(sasl->begin({.mechanism = "LOGIN"}));
    EXPECT_EQ(others.back()->respond(std::nullopt).kind, Kind::challenge);
  }
  EXPECT_EQ(oldest->respond(Secret{"alice"}).kind, Kind::trouble);
  others.clear();  // broken off: there is room again
  const auto another = sasl->begin({.mechanism = "LOGIN"});
  EXPECT_EQ(another->respond(std::nullopt).kind, Kind::challenge);
  EXPECT_EQ(another->respond(Secret{"alice"}).kind, Kind::challenge);
}

TEST_F(Logins, AProcessThatHasGoneIsTroubleAndNoFailure) {
  RemoteSasl nowhere{std::make_shared<KeysClient>(100ms)};
  const auto exchange = nowhere.begin({.mechanism = "PLAIN"});
  EXPECT_EQ(exchange->respond(Secret{right}).kind, Kind::trouble);
  EXPECT_TRUE(nowhere.offer().passwords);
}

TEST_F(Logins, WhatIsMalformedEndsTheChannel) {
  auto ends = ControlChannel::make_pair();
  threads->add(std::move(ends->first));
  for (const auto kind : {KeysPacket::auth_begin}) {
    ASSERT_TRUE(ends->second.send(static_cast<std::uint16_t>(kind), with_number(1, "nonsense")));
    EXPECT_EQ(ends->second.receive(5s).error().kind, Error::Kind::ended);
  }
}

TEST(AuthWire, ReadsWhatItWrites) {
  const AuthOpening opening{.start = {.mechanism = "SCRAM-SHA-256-PLUS",
                                      .exporter_binding = std::string(32, 'b'),
                                      .unique_binding = "u",
                                      .peer = *IpAddress::parse("2001:db8::1")},
                            .response = Secret{"words"}};
  const auto read = decode_auth_opening(encode(opening).reveal());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->start.mechanism, opening.start.mechanism);
  EXPECT_EQ(read->start.exporter_binding, opening.start.exporter_binding);
  EXPECT_EQ(read->start.peer, opening.start.peer);
  EXPECT_EQ(read->response->reveal(), "words");
  const AuthSettings settings{.sources = {{AuthSettings::Source::Kind::pam, "posthorn"}}, .domains = {"example.org"}};
  const auto same = decode_auth_settings(encode(settings));
  ASSERT_TRUE(same);
  EXPECT_EQ(same->sources.front().argument, "posthorn");
  EXPECT_EQ(same->domains, settings.domains);
  for (const auto& cut : {encode(settings).substr(1), encode(settings) + "x", std::string{}}) {
    EXPECT_FALSE(decode_auth_settings(cut));
  }
}

TEST(PasswordHelperTest, AsksTheSourceThatIsMeant) {
  const AuthSettings settings{.sources = {{AuthSettings::Source::Kind::users_file, {}},
                                          {AuthSettings::Source::Kind::dovecot, "/nonexistent/auth"}},
                              .domains = {}};
  PasswordHelper helper{settings};
  auto parent = ControlChannel::make_pair();
  Thread thread{"helper", [&, end = std::move(parent->first)] { helper.serve_parent(end); }};
  {
    const auto client = std::make_shared<KeysClient>(5s);
    auto ends = ControlChannel::make_pair();
    const int given = ends->first.descriptor();
    ASSERT_TRUE(parent->second.send(static_cast<std::uint16_t>(KeysPacket::channel), {}, {&given, 1}));
    {
      const auto ours = std::move(ends->first);
    }
    client->add_channel(std::move(ends->second));
    const Secret password{"x"};
    HelperSource dovecot{client, 1};
    const auto verdict = dovecot.check({"alice", password, {}});
    EXPECT_EQ(verdict.kind, PasswordVerdict::Kind::trouble);
    EXPECT_TRUE(verdict.text.contains("/nonexistent/auth")) << verdict.text;
    HelperSource book{client, 0};
    EXPECT_EQ(book.check({"alice", password, {}}).kind, PasswordVerdict::Kind::trouble) << "the users file is not here";
  }
  {
    const auto end = std::move(parent->second);
  }
  thread.join();
}

}  // namespace
}  // namespace posthorn::system
