// Binding: shared ports, the wildcard beside a specific address, other people's ports, UNIX paths that are not free.
#include "system/listeners.hpp"

#include "system/socket_address.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace posthorn::system {
namespace {

using world::UnixPath;

ListenAddress tcp(std::string_view text, std::string interface = {}) {
  return {*Endpoint::parse(text), std::move(interface)};
}
std::uint16_t port_of(const BoundListener& bound) { return std::get<Endpoint>(bound.local).port; }
std::string with_port(std::string_view address, std::uint16_t port) {
  return std::string{address} + ":" + std::to_string(port);
}

class ListenersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-bind-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Result<std::vector<BoundListener>> bind(std::vector<ListenAddress> addresses, unsigned loops = 1,
                                                 std::vector<ListenAddress> held = {}) {
    return bind_listeners(addresses, {.loops = loops}, held);
  }

  std::string folder_;
};

TEST_F(ListenersTest, EachLoopHasASocketOnTheSamePort) {
  const auto bound = bind({tcp("127.0.0.1:0")}, 3);
  ASSERT_TRUE(bound) << bound.error().text;
  ASSERT_EQ(bound->at(0).sockets.size(), 3U);
  for (const auto& socket : bound->at(0).sockets) {
    EXPECT_EQ(to_text(local_address(socket.get())), to_text(bound->at(0).local));
  }
}

TEST_F(ListenersTest, TheWildcardAndLoopbackShareAPort) {
  const auto port = port_of(bind({tcp("127.0.0.1:0")})->at(0));
  const auto bound = bind({tcp(with_port("0.0.0.0", port)), tcp(with_port("[::]", port)),
                           tcp(with_port("127.0.0.1", port)), tcp(with_port("[::1]", port))},
                          2);
  ASSERT_TRUE(bound) << bound.error().text;
  EXPECT_EQ(bound->size(), 4U);
}

TEST_F(ListenersTest, APortOfAnotherServerIsInUseAlthoughItSharesPortsToo) {
  const auto other = bind({tcp("127.0.0.1:0")});
  const auto address = tcp(with_port("127.0.0.1", port_of(other->at(0))));
  const auto bound = bind({address});
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error().kind, Error::Kind::in_use);
  EXPECT_NE(bound.error().text.find(address.to_text()), std::string::npos) << bound.error().text;
  EXPECT_TRUE(bind({tcp(with_port("0.0.0.0", port_of(other->at(0))))}, 1, {address})) << "but ours may stand beside it";
}

TEST_F(ListenersTest, AnInterfaceIsBoundByName) {
  const auto bound = bind({tcp("0.0.0.0:0", "lo")});
  ASSERT_TRUE(bound) << bound.error().text;
  char name[16] = {};
  socklen_t size = sizeof name;
  ASSERT_EQ(::getsockopt(bound->at(0).sockets.at(0).get(), SOL_SOCKET, SO_BINDTODEVICE, &name, &size), 0);
  EXPECT_STREQ(name, "lo");
  const auto none = bind({tcp("0.0.0.0:0", "nosuch0")});
  EXPECT_EQ(none.error().kind, Error::Kind::unreachable);
  EXPECT_NE(none.error().text.find("0.0.0.0:0 on nosuch0"), std::string::npos) << none.error().text;
}

TEST_F(ListenersTest, AnAddressThatIsNotOursIsUnreachable) {
  EXPECT_EQ(bind({tcp("192.0.2.1:0")}).error().kind, Error::Kind::unreachable);
}

TEST_F(ListenersTest, AUnixSocketHasOneSocketForAllLoops) {
  const auto bound = bind({{UnixPath{folder_ + "/s"}, {}}}, 4);
  ASSERT_TRUE(bound) << bound.error().text;
  EXPECT_EQ(bound->at(0).sockets.size(), 1U);
}

TEST_F(ListenersTest, ADeadUnixSocketIsReplacedAndALiveOneIsNot) {
  const ListenAddress where{UnixPath{folder_ + "/s"}, {}};
  {
    const auto first = bind({where});
    EXPECT_EQ(bind({where}).error().kind, Error::Kind::in_use);
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/s")) << "the file of the one that ended is still there";
  EXPECT_TRUE(bind({where}));
}

TEST_F(ListenersTest, NeverBindsOverALinkOrAFile) {
  std::ofstream{folder_ + "/file"} << "precious";
  std::filesystem::create_symlink(folder_ + "/file", folder_ + "/link");
  std::filesystem::create_symlink(folder_ + "/nowhere", folder_ + "/dangling");
  EXPECT_EQ(bind({{UnixPath{folder_ + "/file"}, {}}}).error().kind, Error::Kind::exists);
  EXPECT_EQ(bind({{UnixPath{folder_ + "/link"}, {}}}).error().kind, Error::Kind::is_link);
  EXPECT_EQ(bind({{UnixPath{folder_ + "/dangling"}, {}}}).error().kind, Error::Kind::is_link);
  EXPECT_EQ(std::filesystem::file_size(folder_ + "/file"), 8U);
}

TEST_F(ListenersTest, PathsThatCannotBeAreRefused) {
  EXPECT_EQ(bind({{UnixPath{""}, {}}}).error().kind, Error::Kind::invalid);
  EXPECT_EQ(bind({{UnixPath{folder_ + "/none/s"}, {}}}).error().kind, Error::Kind::not_found);
  EXPECT_EQ(bind({{UnixPath{folder_ + "/" + std::string(300, 'x')}, {}}}).error().kind, Error::Kind::invalid);
}

}  // namespace
}  // namespace posthorn::system
