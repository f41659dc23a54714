// Real sockets on loopback and UNIX paths: listeners, acceptors, streams, and how they end.
#include "system/socket_network.hpp"

#include "system/clock.hpp"
#include "system/listeners.hpp"
#include "system/socket_address.hpp"
#include "system/worker_threads.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;
using world::ConnectOptions;
using world::PeerAddress;
using world::Stream;
using world::Task;
using world::UnixPath;

PeerAddress endpoint(std::string_view text) { return *Endpoint::parse(text); }

/// A client and a server end of one connection.
struct Pair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

class SocketNetworkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-net-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<SocketAcceptor> listen(PeerAddress where, std::string refusal = {}) {
    const std::vector<ListenAddress> addresses{{std::move(where), {}}};
    auto bound = bind_listeners(addresses, {});
    EXPECT_TRUE(bound) << bound.error().text;
    return *SocketAcceptor::make(environment_, std::move(bound->at(0).sockets.at(0)), bound->at(0).local,
                                 std::move(refusal));
  }

  Pair connect_pair(PeerAddress where) {
    auto acceptor = listen(std::move(where));
    return run_to_end(*loop_, [](SocketNetwork& network, SocketAcceptor& from, MonotonicTime until) -> Task<Pair> {
      auto client = co_await network.connect(from.local(), {}, until);
      EXPECT_TRUE(client) << client.error().text;
      auto server = co_await from.accept();
      co_return Pair{std::move(*client), std::move(*server)};
    }(network_, *acceptor, soon()));
  }

  template <class T>
  T run(Task<T> task) {
    return run_to_end(*loop_, std::move(task));
  }
  [[nodiscard]] MonotonicTime soon() const { return clock_.now() + 20s; }

  /// Reads until the end and returns all of it, or the error.
  static Task<Result<std::string>> read_all(Stream& stream, MonotonicTime deadline) {
    std::string all;
    for (;;) {
      const auto bytes = co_await stream.read(deadline);
      if (!bytes) co_return failure(bytes.error());
      if (bytes->empty()) co_return all;
      all += *bytes;
    }
  }

  std::string folder_;
  SystemClock clock_;
  WorkerThreads workers_{{.name = "test"}};
  std::unique_ptr<EventLoop> loop_ = *EventLoop::make(clock_);
  StreamEnvironment environment_{*loop_, workers_};
  SocketNetwork network_{environment_};
};

struct AddressRow {
  std::string name;
  std::string address;
};
class SocketAddresses : public SocketNetworkTest, public testing::WithParamInterface<AddressRow> {};

TEST_P(SocketAddresses, BytesGoBothWaysAndTheEndIsSeen) {
  std::filesystem::create_directories(folder_ + "/" + std::string(120, 'x'));
  const auto where = GetParam().address.starts_with('/') ? PeerAddress{UnixPath{folder_ + GetParam().address}}
                                                         : endpoint(GetParam().address);
  auto pair = connect_pair(where);
  const auto dialogue = [](Pair ends, MonotonicTime until) -> Task<std::string> {
    EXPECT_TRUE(co_await ends.server->write("220 ready\r\n", until));
    std::string seen{*co_await ends.client->read(until)};
    EXPECT_TRUE(co_await ends.client->write("QUIT\r\n", until));
    ends.client->end_writing();
    seen += *co_await read_all(*ends.server, until);
    co_return seen;
  };
  EXPECT_EQ(run(dialogue(std::move(pair), soon())), "220 ready\r\nQUIT\r\n");
}

INSTANTIATE_TEST_SUITE_P(All, SocketAddresses,
                         testing::Values(AddressRow{"v4", "127.0.0.1:0"}, AddressRow{"v6", "[::1]:0"},
                                         AddressRow{"unix", "/socket"},
                                         AddressRow{"long_unix", "/" + std::string(120, 'x') + "/socket"}),
                         [](const auto& row) { return row.param.name; });

TEST_F(SocketNetworkTest, BothEndsKnowTheAddresses) {
  const auto pair = connect_pair(endpoint("127.0.0.1:0"));
  EXPECT_EQ(to_text(pair.client->peer()), to_text(pair.server->local()));
  EXPECT_EQ(to_text(pair.client->local()), to_text(pair.server->peer()));
  EXPECT_EQ(pair.client->peer_user().error().kind, Error::Kind::unsupported);
}

TEST_F(SocketNetworkTest, AUnixSocketKnowsItsPeersAccountAndIsOursAlone) {
  const auto path = folder_ + "/admin.sock";
  const auto pair = connect_pair(UnixPath{path});
  EXPECT_EQ(*pair.server->peer_user(), ::getuid());
  EXPECT_EQ(to_text(pair.server->peer()), path);
  struct stat facts{};
  ASSERT_EQ(::lstat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0600U);
}

TEST_F(SocketNetworkTest, AReadEndsByItsDeadlineAndTheStreamGoesOn) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  const auto task = [](Pair ends, const world::Clock& clock) -> Task<std::string> {
    const auto nothing = co_await ends.server->read(clock.now() + 5ms);
    EXPECT_EQ(nothing.error().kind, Error::Kind::timed_out);
    EXPECT_TRUE(co_await ends.client->write("late", never));
    co_return std::string{*co_await ends.server->read(clock.now() + 20s)};
  };
  EXPECT_EQ(run(task(std::move(pair), clock_)), "late");
}

TEST_F(SocketNetworkTest, AnEarlierDeadlineAfterALaterOneIsKept) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  const auto task = [](Pair ends, const world::Clock& clock) -> Task<bool> {
    EXPECT_TRUE(co_await ends.client->write("x", never));
    EXPECT_TRUE(co_await ends.server->read(clock.now() + 1h));
    const auto nothing = co_await ends.server->read(clock.now() + 5ms);
    co_return !nothing && nothing.error().kind == Error::Kind::timed_out;
  };
  EXPECT_TRUE(run(task(std::move(pair), clock_)));
}

TEST_F(SocketNetworkTest, AWriteWaitsForRoomAndEndsByItsDeadline) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  const auto task = [](Pair ends, const world::Clock& clock) -> Task<Error::Kind> {
    const std::string much(std::size_t{64} << 20, 'x');
    const auto written = co_await ends.server->write(much, clock.now() + 20ms);
    co_return written ? Error::Kind::other : written.error().kind;
  };
  EXPECT_EQ(run(task(std::move(pair), clock_)), Error::Kind::timed_out);
}

TEST_F(SocketNetworkTest, MuchDataArrivesWholeThroughSmallBuffers) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  std::string sent(std::size_t{8} << 20, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  world::TaskGroup group;
  group.start([](Stream& from, const std::string& bytes, MonotonicTime until) -> Task<> {
    EXPECT_TRUE(co_await from.write(bytes, until));
    from.end_writing();
  }(*pair.client, sent, soon()));
  EXPECT_TRUE(*run(read_all(*pair.server, soon())) == sent);
}

TEST_F(SocketNetworkTest, CloseEndsAReadThatWaits) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  loop_->post([&] { pair.server->close(); });
  EXPECT_EQ(run(read_all(*pair.server, soon())).error().kind, Error::Kind::closed);
  EXPECT_EQ(*run(read_all(*pair.client, soon())), "") << "and the peer sees the end";
}

TEST_F(SocketNetworkTest, AnInterruptedReadLosesNothing) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  pair.server->interrupt_read();
  loop_->post([&] { pair.server->interrupt_read(); });
  EXPECT_EQ(run(read_all(*pair.server, soon())).error().kind, Error::Kind::interrupted);
  const auto task = [](Stream& client, Stream& server, MonotonicTime until) -> Task<std::string> {
    EXPECT_TRUE(co_await client.write("still there", until));
    co_return std::string{*co_await server.read(until)};
  };
  EXPECT_EQ(run(task(*pair.client, *pair.server, soon())), "still there");
}

TEST_F(SocketNetworkTest, UnreadBytesAreSeenWithoutReadingThem) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  EXPECT_FALSE(pair.server->has_unread_bytes());
  const auto task = [](Stream& client, Stream& server, MonotonicTime until) -> Task<std::string> {
    EXPECT_TRUE(co_await client.write("ab", until));
    std::string seen{*co_await server.read(until)};
    EXPECT_FALSE(server.has_unread_bytes());
    EXPECT_TRUE(co_await client.write("cd", until));
    client.end_writing();
    while (!server.has_unread_bytes()) co_await world::move_to(dynamic_cast<SocketStream&>(server).loop());
    seen += *co_await server.read(until);
    co_return seen;
  };
  EXPECT_EQ(run(task(*pair.client, *pair.server, soon())), "abcd");
}

// A server that says 554 and leaves while the client is still sending must not have its reply thrown away by a RST.
TEST_F(SocketNetworkTest, TheLastReplyReachesAClientThatIsStillSending) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  world::TaskGroup group;
  group.start([](std::unique_ptr<Stream> server, MonotonicTime until) -> Task<> {
    EXPECT_TRUE(co_await server->read(until));
    EXPECT_TRUE(co_await server->write("554 go away\r\n", until));
  }(std::move(pair.server), soon()));
  const auto client = [](Stream& stream, MonotonicTime until) -> Task<Result<std::string>> {
    const std::string chunk(200'000, 'x');
    for (int i = 0; i < 10; ++i) {
      auto written = co_await stream.write(chunk, until);
      if (!written) co_return failure(written.error().kind, "the write broke: " + written.error().text);
    }
    co_return co_await read_all(stream, until);
  };
  const auto seen = run(client(*pair.client, soon()));
  ASSERT_TRUE(seen) << seen.error().text;
  EXPECT_EQ(*seen, "554 go away\r\n");
}

TEST_F(SocketNetworkTest, APeerThatSendsForEverIsNotDrainedForEver) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  pair.server->end_writing();
  pair.server.reset();
  const auto client = [](Stream& stream, MonotonicTime until) -> Task<Error::Kind> {
    const std::string chunk(1'000'000, 'x');
    for (;;) {
      const auto written = co_await stream.write(chunk, until);
      if (!written) co_return written.error().kind;
    }
  };
  EXPECT_EQ(run(client(*pair.client, soon())), Error::Kind::reset);
}

TEST_F(SocketNetworkTest, AConnectionThatNobodyTakesIsRefused) {
  const auto gone = listen(endpoint("127.0.0.1:0"))->local();
  auto task = network_.connect(gone, {}, soon());
  EXPECT_EQ(run(std::move(task)).error().kind, Error::Kind::refused);
  EXPECT_EQ(run(network_.connect(UnixPath{folder_ + "/none"}, {}, soon())).error().kind, Error::Kind::not_found);
}

TEST_F(SocketNetworkTest, AConnectEndsByItsDeadline) {
  // A backlog of nothing that is full: the kernel drops the next SYN.
  const std::vector<ListenAddress> addresses{{endpoint("127.0.0.1:0"), {}}};
  const auto bound = *bind_listeners(addresses, {.loops = 1, .backlog = 0});
  const auto task = [](SocketNetwork& network, PeerAddress to, const world::Clock& clock) -> Task<Error::Kind> {
    std::vector<std::unique_ptr<Stream>> held;
    for (int i = 0; i < 10; ++i) {
      auto stream = co_await network.connect(to, {}, clock.now() + 50ms);
      if (!stream) co_return stream.error().kind;
      held.push_back(std::move(*stream));
    }
    co_return Error::Kind::other;
  };
  EXPECT_EQ(run(task(network_, bound.at(0).local, clock_)), Error::Kind::timed_out);
}

TEST_F(SocketNetworkTest, ASourceAddressIsUsed) {
  auto acceptor = listen(endpoint("127.0.0.1:0"));
  const auto source = *IpAddress::parse("127.0.0.9");
  const auto task = [](SocketNetwork& network, SocketAcceptor& from, IpAddress address,
                       MonotonicTime until) -> Task<std::string> {
    const auto client = co_await network.connect(from.local(), {.interface = "lo", .source = address}, until);
    EXPECT_TRUE(client) << client.error().text;
    const auto server = co_await from.accept();
    co_return std::get<Endpoint>((*server)->peer()).address.to_string();
  };
  EXPECT_EQ(run(task(network_, *acceptor, source, soon())), "127.0.0.9");
}

TEST_F(SocketNetworkTest, AnInterfaceThatIsNotThereIsNamed) {
  const auto stream = run(network_.connect(endpoint("127.0.0.1:9"), {.interface = "nosuch0", .source = {}}, soon()));
  EXPECT_EQ(stream.error().kind, Error::Kind::unreachable);
  EXPECT_NE(stream.error().text.find("nosuch0"), std::string::npos) << stream.error().text;
}

TEST_F(SocketNetworkTest, ClosingAnAcceptorEndsItsWait) {
  auto acceptor = listen(endpoint("127.0.0.1:0"));
  loop_->post([&] { acceptor->close(); });
  EXPECT_EQ(run(acceptor->accept()).error().kind, Error::Kind::closed);
  EXPECT_EQ(run(acceptor->accept()).error().kind, Error::Kind::closed);
}

/// Takes every descriptor that the process may have but `left`.
class DescriptorFamine {
 public:
  explicit DescriptorFamine(int left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit low{.rlim_cur = 200, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
    for (int number = 0; number >= 0;) {
      number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (number >= 0) taken_.emplace_back(number);
    }
    for (int i = 0; i < left; ++i) taken_.pop_back();
  }
  DescriptorFamine(const DescriptorFamine&) = delete;
  DescriptorFamine& operator=(const DescriptorFamine&) = delete;
  ~DescriptorFamine() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<Descriptor> taken_;
};

/// What a listener does while no descriptor is left: it pauses and tries again.
Task<> accept_in_vain(SocketAcceptor& from, EventLoop& loop, const bool& ends) {
  while (!ends) {
    EXPECT_EQ((co_await from.accept()).error().kind, Error::Kind::too_many_files);
    co_await world::sleep_until(loop, loop.now() + 1ms);
  }
}

Task<bool> pause(EventLoop& loop) {
  co_await world::sleep_until(loop, loop.now() + 1ms);
  co_return true;
}

TEST_F(SocketNetworkTest, WithoutDescriptorsAClientIsToldAndTheListenerGoesOn) {
  auto acceptor = listen(endpoint("127.0.0.1:0"), "421 4.3.2 too busy\r\n");
  const auto connect_once = [&] { return run(network_.connect(acceptor->local(), {}, soon())); };
  // UBSan needs descriptors to look at an object's type for the first time: show it the types before the famine.
  const auto before = connect_once();
  run(acceptor->accept())->reset();
  EXPECT_TRUE(run(pause(*loop_)));
  EXPECT_EQ(*run(read_all(**before, soon())), "");
  bool ends = false;
  world::TaskGroup group;
  {
    const DescriptorFamine famine{1};
    const auto client = connect_once();
    ASSERT_TRUE(client) << client.error().text;
    group.start(accept_in_vain(*acceptor, *loop_, ends));
    const auto told = run(read_all(**client, soon()));
    ends = true;
    ASSERT_TRUE(told) << told.error().text;
    EXPECT_EQ(*told, "421 4.3.2 too busy\r\n");
  }
  const auto client = connect_once();
  EXPECT_TRUE(run(acceptor->accept()));
}

TEST_F(SocketNetworkTest, StreamsThatWaitAreDestroyedWithTheirTasks) {
  auto pair = connect_pair(endpoint("127.0.0.1:0"));
  {
    world::TaskGroup group;
    group.start([](std::unique_ptr<Stream> stream) -> Task<> {
      static_cast<void>(co_await stream->read(never));
      ADD_FAILURE() << "nobody sends anything";
    }(std::move(pair.server)));
  }
  EXPECT_EQ(*run(read_all(*pair.client, soon())), "");
}

}  // namespace
}  // namespace posthorn::system
