// A connection that is cut at every single byte, in each of the ways a connection can end: the message is in the mailbox
// whole or not at all, nothing stays in the spool, and no session is left.
#include "simulated_server.hpp"

#include <gtest/gtest.h>

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace posthorn::scenarios {
namespace {

using namespace std::chrono_literals;

/// How the client's side ends after the bytes that it sent.
enum class End : std::uint8_t {
  half_close,        ///< says that no more will come, and reads what is answered
  at_once,           ///< is gone before the server has read a byte
  after_the_server,  ///< is gone once the server has taken in what was sent
};

struct Case {
  const char* name;
  std::string words;       ///< all that is sent when nothing is cut
  std::size_t whole_from;  ///< so many bytes hold the message and its end
};

constexpr std::string_view body = "Subject: cut\r\n\r\n..dots\r\nlast line\r\n";

std::string envelope() {
  return "EHLO client.example\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<alice@example.org>\r\nRCPT "
         "TO:<bob@example.org>\r\n";
}

Case by_data() {
  const auto message = fmt::format("{}DATA\r\n{}.\r\n", envelope(), body);
  return {"DATA", message + "QUIT\r\n", message.size()};
}

Case by_one_chunk() {
  const auto message = fmt::format("{}BDAT {} LAST\r\n{}", envelope(), body.size(), body);
  return {"BDAT LAST", message + "QUIT\r\n", message.size()};
}

Case by_chunks() {
  const auto message = fmt::format("{}BDAT {}\r\n{}BDAT 0 LAST\r\n", envelope(), body.size(), body);
  return {"BDAT and an empty last chunk", message + "RSET\r\nQUIT\r\n", message.size()};
}

/// With a body that goes to a file of its own.
Case by_body_file() {
  std::string text = "Subject: long\r\n\r\n";
  while (text.size() < 400) text += "a line that makes the body longer\r\n";
  const auto message = fmt::format("{}DATA\r\n{}.\r\n", envelope(), text);
  return {"a body file", message + "QUIT\r\n", message.size()};
}

world::Task<> speak(sim::Network& network, world::Loop& loop, std::string words, End end) {
  auto stream = co_await network.connect(SimulatedServer::mx, {}, after(loop.now(), 1s));
  if (!stream) co_return;
  if (!words.empty() && !co_await (*stream)->write(words, after(loop.now(), 1s))) co_return;
  if (end == End::at_once) co_return;
  if (end == End::after_the_server) {
    co_await world::sleep_until(loop, after(loop.now(), 1s));
    co_return;
  }
  (*stream)->end_writing();
  while (true) {
    const auto bytes = co_await (*stream)->read(after(loop.now(), 10s));
    if (!bytes || bytes->empty()) co_return;
  }
}

struct CutConnection : testing::TestWithParam<std::function<Case()>> {
  sim::Disk disk;
  SimulatedServer server{disk, {.reception = {.hostname = "mx.example.org", .inline_octets = 256}}};

  void SetUp() override { ASSERT_TRUE(server.start()) << server.log().text(); }

  [[nodiscard]] std::size_t mails() const { return server.mails("alice").size() + server.mails("bob").size(); }

  /// What lies in a mailbox and is not delivered.
  [[nodiscard]] std::size_t leftovers() const {
    const auto paths = disk.tree("/mail");
    return static_cast<std::size_t>(std::ranges::count_if(paths, [](const std::string& path) {
      return path.find("/tmp/") != std::string::npos && !path.ends_with("/");
    }));
  }

  void cut(const Case& example, std::size_t octets, End end) {
    const auto before = mails();
    {
      world::TaskGroup client;
      client.start(speak(server.network(), server.loop(), example.words.substr(0, octets), end));
      while (!client.empty() && server.loop().step()) {
      }
    }
    server.loop().run_for(10s);
    ASSERT_EQ(server.server().connections(), 0U) << "a session is left";
    ASSERT_EQ(server.server().spool().facts().messages, 0U) << "a message is left in the spool";
    ASSERT_EQ(leftovers(), 0U) << "half a message is left";
    const auto came = mails() - before;
    // Whoever is gone at once may take his last bytes along; whoever waits has given all of them.
    if (octets < example.whole_from) {
      ASSERT_EQ(came, 0U);
    } else if (end == End::at_once) {
      ASSERT_TRUE(came == 0 || came == 2) << came;
    } else {
      ASSERT_EQ(came, 2U);
    }
  }
};

TEST_P(CutConnection, LeavesAllOrNothing) {
  const auto example = GetParam()();
  for (const auto end : {End::half_close, End::at_once, End::after_the_server}) {
    for (std::size_t octets = 0; octets <= example.words.size(); ++octets) {
      SCOPED_TRACE(fmt::format("{}: {} of {} octets, end {}", example.name, octets, example.words.size(),
                               static_cast<int>(end)));
      cut(example, octets, end);
      if (HasFatalFailure()) {
        std::cerr << server.log().text();
        return;
      }
    }
  }
  // Each mail that came is whole.
  const auto whole = disk.contents(server.mails("alice").front()).value_or("");
  const auto text_of = [](const std::string& file) { return file.substr(file.find("Subject:")); };
  for (const auto* user : {"alice", "bob"}) {
    for (const auto& path : server.mails(user)) EXPECT_EQ(text_of(disk.contents(path).value_or("")), text_of(whole));
  }
}

INSTANTIATE_TEST_SUITE_P(AtEveryByte, CutConnection, testing::Values(by_data, by_one_chunk, by_chunks, by_body_file),
                         [](const auto& info) { return fmt::format("Case{}", info.index); });

}  // namespace
}  // namespace posthorn::scenarios
