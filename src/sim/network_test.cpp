#include "sim/network.hpp"

#include "world/task_group.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::sim {
namespace {

using namespace std::chrono_literals;
using world::Task;

const Endpoint server_endpoint = *Endpoint::parse("192.0.2.1:25");

struct Notes {
  std::string text;
  Error::Kind last_error = Error::Kind::other;
};

Task<> echo_once(Acceptor& acceptor) {
  auto stream = co_await acceptor.accept();
  if (!stream) co_return;
  while (true) {
    const auto bytes = co_await (*stream)->read(never);
    if (!bytes || bytes->empty()) co_return;
    const std::string copy(*bytes);
    if (!co_await (*stream)->write(copy, never)) co_return;
  }
}

Task<> talk(Network& network, Loop& loop, std::string words, Notes& notes) {
  auto stream = co_await network.connect(server_endpoint, {}, never);
  if (!stream) {
    notes.last_error = stream.error().kind;
    co_return;
  }
  co_await (*stream)->write(words, never);
  while (notes.text.size() < words.size()) {
    const auto bytes = co_await (*stream)->read(loop.now() + 10s);
    if (!bytes) {
      notes.last_error = bytes.error().kind;
      co_return;
    }
    if (bytes->empty()) co_return;
    notes.text += *bytes;
  }
}

struct World {
  Loop loop;
  Random random{7};
  Network network{loop, random};
  Notes notes;
  world::TaskGroup tasks;
};

TEST(SimNetwork, CarriesBytesBothWays) {
  World w;
  auto acceptor = w.network.listen(server_endpoint);
  w.tasks.start(echo_once(*acceptor));
  w.tasks.start(talk(w.network, w.loop, "hello", w.notes));
  w.loop.run();
  EXPECT_EQ(w.notes.text, "hello");
  EXPECT_TRUE(w.tasks.empty()) << "the echo ends when the talker closes";
}

TEST(SimNetwork, DelaysAndSplitsKeepTheOrderAndAFullWindowWaits) {
  World w;
  w.network.settings() = {.least_delay = 1ms, .most_delay = 90ms, .split_percent = 90, .window = 100};
  auto acceptor = w.network.listen(server_endpoint);
  std::string words;
  for (int i = 0; i < 5'000; ++i) words += std::to_string(i) + " ";
  w.tasks.start(echo_once(*acceptor));
  w.tasks.start(talk(w.network, w.loop, words, w.notes));
  w.loop.run();
  // The talker writes all before it reads: with a window of 100 octets each way the two block each other, which the
  // talker's own wait cannot end. Only what fits is under way.
  EXPECT_LE(w.notes.text.size(), words.size());
  EXPECT_TRUE(words.starts_with(w.notes.text));
}

TEST(SimNetwork, NobodyListensIsRefused) {
  World w;
  w.tasks.start(talk(w.network, w.loop, "hello", w.notes));
  w.loop.run();
  EXPECT_EQ(w.notes.last_error, Error::Kind::refused);
}

TEST(SimNetwork, SilenceEndsWithTheDeadline) {
  World w;
  auto acceptor = w.network.listen(server_endpoint);
  w.tasks.start(talk(w.network, w.loop, "hello", w.notes));
  w.loop.run();
  EXPECT_EQ(w.notes.last_error, Error::Kind::timed_out);
}

TEST(SimNetwork, ACutConnectionIsReset) {
  World w;
  w.network.settings().cut_per_million = 1'000'000;
  auto acceptor = w.network.listen(server_endpoint);
  w.tasks.start(echo_once(*acceptor));
  w.tasks.start(talk(w.network, w.loop, "hello", w.notes));
  w.loop.run();
  EXPECT_TRUE(w.notes.text.empty());
  EXPECT_EQ(w.notes.last_error, Error::Kind::reset);
}

}  // namespace
}  // namespace posthorn::sim
