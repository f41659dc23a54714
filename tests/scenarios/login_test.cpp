// Users who log in, and strangers who guess, against the whole server in the simulated world: delays, locks, turns.
#include "base/base64.hpp"
#include "simulated_server.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace posthorn::scenarios {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string plain(std::string_view user, std::string_view password) {
  std::string words(1, '\0');
  words.append(user).append(1, '\0').append(password);
  return base64::encode(words);
}

/// One client that speaks when it is spoken to, and notes when each reply came.
struct Talk {
  std::vector<std::string> replies;
  std::vector<MonotonicTime> times;
  bool closed = false;
};

world::Task<> converse(SimulatedServer& server, IpAddress from, std::vector<std::string> lines, Talk& talk) {
  auto stream = co_await server.network().connect(SimulatedServer::submission, {.interface = {}, .source = from},
                                                  after(server.loop().now(), seconds{10}));
  if (!stream) co_return;
  std::string heard;
  std::size_t next = 0;
  while (true) {
    const auto bytes = co_await (*stream)->read(after(server.loop().now(), minutes{2}));
    talk.closed = bytes ? bytes->empty() : bytes.error().kind != Error::Kind::timed_out;
    if (talk.closed || !bytes) co_return;
    heard += *bytes;
    for (auto end = heard.find("\r\n"); end != std::string::npos; end = heard.find("\r\n")) {
      const auto line = heard.substr(0, end);
      heard.erase(0, end + 2);
      if (line.size() > 3 && line[3] == '-') continue;
      talk.replies.push_back(line);
      talk.times.push_back(server.loop().now());
      if (next == lines.size()) continue;
      if (!co_await (*stream)->write(lines[next++] + "\r\n", after(server.loop().now(), seconds{10}))) co_return;
    }
  }
}

class Login : public ::testing::Test {
 protected:
  sim::Disk disk;
  SimulatedServer server{disk, {}};
  const IpAddress home = *IpAddress::parse("192.0.2.10");
  const IpAddress stranger = *IpAddress::parse("198.51.100.7");

  void SetUp() override { ASSERT_TRUE(server.start()) << server.log().text(); }
  void TearDown() override { server.stop(); }

  Talk run(IpAddress from, std::vector<std::string> lines) {
    Talk talk;
    world::TaskGroup client;
    client.start(converse(server, from, std::move(lines), talk));
    while (!client.empty() && server.loop().step()) {
    }
    return talk;
  }
  std::vector<std::string> attempts(const std::string& user, const std::string& password, std::size_t count) {
    std::vector<std::string> lines{"EHLO client.example"};
    lines.insert(lines.end(), count, "AUTH PLAIN " + plain(user, password));
    return lines;
  }
};

TEST_F(Login, TheRightPasswordOpensTheWay) {
  const auto talk =
      run(home, {"EHLO client.example", "MAIL FROM:<alice@example.org>", "AUTH PLAIN " + plain("alice", "sesame"),
                 "MAIL FROM:<bob@example.org>", "MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.org>", "DATA",
                 "From: alice@example.org\r\nBcc: x@example.org\r\nSubject: hello\r\n\r\nbody\r\n.", "QUIT"});
  ASSERT_EQ(talk.replies.size(), 10U);
  for (const auto& [place, code] :
       {std::pair{2, "530 5.7.0"}, {3, "235 2.7.0"}, {4, "553 5.7.1"}, {5, "250"}, {8, "250"}, {9, "221"}}) {
    EXPECT_TRUE(talk.replies.at(static_cast<std::size_t>(place)).starts_with(code))
        << talk.replies.at(static_cast<std::size_t>(place));
  }
  const auto after_all = server.loop().now() + seconds{5};
  while (server.mails("bob").empty() && server.loop().now() < after_all && server.loop().step()) {
  }
  EXPECT_EQ(server.mails("bob").size(), 1U);
}

TEST_F(Login, TheAnswerToAWrongPasswordWaitsLongerEachTime) {
  const auto talk = run(stranger, attempts("alice", "wrong", 5));
  ASSERT_EQ(talk.replies.size(), 7U);
  const milliseconds wanted[] = {milliseconds{200}, milliseconds{400}, milliseconds{800}, milliseconds{1'600},
                                 milliseconds{3'000}};
  for (std::size_t i = 0; i < 5; ++i) {
    const auto waited = talk.times.at(i + 2) - talk.times.at(i + 1);
    EXPECT_GE(waited, wanted[i]);
    EXPECT_LE(waited, wanted[i] + milliseconds{400}) << "and the network's own time";
    EXPECT_TRUE(talk.replies.at(i + 2).starts_with(i < 4 ? "535 5.7.8" : "421 4.7.0")) << talk.replies.at(i + 2);
  }
  EXPECT_TRUE(talk.closed);
  EXPECT_EQ(server.log().count("auth.failed"), 5U);
  EXPECT_FALSE(server.log().text().contains("wrong"));
}

TEST_F(Login, AnUnknownNameIsAnsweredAlike) {
  const auto known = run(stranger, attempts("alice", "wrong", 1));
  const auto unknown = run(*IpAddress::parse("198.51.100.8"), attempts("nobody", "wrong", 1));
  EXPECT_EQ(known.replies.back(), unknown.replies.back());
  EXPECT_TRUE(server.log().text().contains("user=alice"));
  EXPECT_FALSE(server.log().text().contains("nobody")) << "people type passwords in the wrong place";
}

TEST_F(Login, StrangersNeitherLockNorSlowTheRightPassword) {
  world::TaskGroup strangers;
  std::vector<Talk> talks(60);
  for (std::size_t i = 0; i < talks.size(); ++i) {
    const auto from = *IpAddress::parse(fmt::format("198.51.100.{}", i % 12 + 1));
    strangers.start(converse(server, from, attempts("alice", "wrong", 5), talks[i]));
  }
  const auto until = server.loop().now() + seconds{3};
  while (server.loop().now() < until && server.loop().step()) {
  }
  for (int i = 0; i < 10; ++i) {
    const auto talk = run(home, attempts("alice", "sesame", 1));
    ASSERT_EQ(talk.replies.size(), 3U);
    EXPECT_TRUE(talk.replies.back().starts_with("235")) << talk.replies.back();
    EXPECT_LE(talk.times.back() - talk.times.at(1), milliseconds{600}) << "one check, and the network's own time";
  }
  while (!strangers.empty() && server.loop().step()) {
  }
  EXPECT_LE(server.authenticator().most_running, 2U);
}

TEST_F(Login, AGuesserLocksTheNameForItsOwnAddress) {
  for (int i = 0; i < 4; ++i) run(stranger, attempts("alice", "wrong", 5));
  const auto checks = server.authenticator().checks;
  const auto locked = run(stranger, attempts("alice", "sesame", 1));
  EXPECT_TRUE(locked.replies.back().starts_with("421 4.7.0")) << locked.replies.back();
  EXPECT_EQ(server.authenticator().checks, checks) << "a locked name is not looked at";
  EXPECT_TRUE(run(home, attempts("alice", "sesame", 1)).replies.back().starts_with("235"));
  EXPECT_TRUE(run(stranger, attempts("bob", "hunter2", 1)).replies.back().starts_with("235"));
  const auto until = server.loop().now() + minutes{16};
  while (server.loop().now() < until && server.loop().step()) {
  }
  EXPECT_TRUE(run(stranger, attempts("alice", "sesame", 1)).replies.back().starts_with("235"));
}

TEST_F(Login, TroubleIsNoFailure) {
  server.authenticator().is_in_trouble = true;
  const auto talk = run(home, attempts("alice", "sesame", 6));
  EXPECT_EQ(talk.replies.size(), 8U);
  EXPECT_TRUE(talk.replies.back().starts_with("454 4.7.0")) << talk.replies.back();
  server.authenticator().is_in_trouble = false;
  EXPECT_TRUE(run(home, attempts("alice", "sesame", 1)).replies.back().starts_with("235"));
}

}  // namespace
}  // namespace posthorn::scenarios
