// Accounts, signals, limits, and what the service manager is told. What changes the process for good runs in a child.
#include "system/process.hpp"

#include "system/account.hpp"
#include "system/child_process.hpp"
#include "system/clock.hpp"
#include "system/descriptor.hpp"
#include "system/machine.hpp"
#include "system/service_manager.hpp"
#include "system/signals.hpp"
#include "system/socket_address.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;

/// Runs the claim in a child process and says whether it held there.
bool holds_in_child(const std::function<bool()>& claim) {
  const auto child = ::fork();
  if (child == 0) ::_exit(claim() ? 0 : 1);
  const auto status = wait_for_child(child, 20s);
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

TEST(Account, IsFoundByName) {
  const auto root = find_account("root");
  ASSERT_TRUE(root) << root.error().text;
  EXPECT_EQ(root->user, 0U);
  EXPECT_FALSE(root->groups.empty());
  const auto other_group = find_account("root", "nogroup");
  ASSERT_TRUE(other_group);
  EXPECT_NE(other_group->group, 0U);
}

TEST(Account, AMissingOneIsNamed) {
  const auto none = find_account("nosuchuser");
  EXPECT_EQ(none.error().kind, Error::Kind::not_found);
  EXPECT_NE(none.error().text.find("user nosuchuser"), std::string::npos);
  EXPECT_NE(find_account("root", "nosuchgroup").error().text.find("group nosuchgroup"), std::string::npos);
}

TEST(Account, BecomingAnotherIsForGood) {
  const auto nobody = *find_account("nobody");
  if (!is_root()) {
    EXPECT_EQ(become(nobody).error().kind, Error::Kind::not_permitted);
    return;
  }
  EXPECT_TRUE(holds_in_child([&] {
    if (!become(nobody)) return false;
    return ::getuid() == nobody.user && ::getgid() == nobody.group && ::setuid(0) != 0 && ::setgid(0) != 0 &&
           ::getgroups(0, nullptr) == static_cast<int>(nobody.groups.size()) &&
           ::open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0;
  }));
}

TEST(Account, LowPortsStayWithTheRightThatWasKept) {
  if (!is_root()) {
    EXPECT_FALSE(become(*find_account("nobody"), {.bind_low_ports = true}));
    return;
  }
  const auto binds_low_port = [] {
    const auto address = *SocketAddress::from(Endpoint{*IpAddress::parse("127.0.0.77"), 87});
    const Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    return ::bind(socket.get(), address.get(), address.size()) == 0;
  };
  const auto rights = [] {
    std::ifstream status{"/proc/self/status"};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("CapEff:\t")) return line.substr(8);
    }
    return std::string{};
  };
  const auto nobody = *find_account("nobody");
  EXPECT_TRUE(holds_in_child(
      [&] { return become(nobody, {.bind_low_ports = true}) && binds_low_port() && rights() == "0000000000000400"; }));
  EXPECT_TRUE(holds_in_child([&] { return become(nobody) && rights() == "0000000000000000"; }));
}

TEST(ChildProcess, HasNoDescriptorsButItsOwn) {
  const Descriptor kept{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const Descriptor other{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  EXPECT_TRUE(holds_in_child([&] {
    prepare_child("test-child", {kept.get()});
    return ::fcntl(kept.get(), F_GETFD) >= 0 && ::fcntl(other.get(), F_GETFD) < 0 &&
           ::fcntl(STDERR_FILENO, F_GETFD) >= 0 && ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  }));
}

TEST(ChildProcess, OneThatDoesNotEndIsNotWaitedForPastTheLimit) {
  const auto child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_FALSE(wait_for_child(child, 10ms));
  ::kill(child, SIGKILL);
  const auto status = wait_for_child(child, 20s);
  ASSERT_TRUE(status);
  EXPECT_EQ(WTERMSIG(*status), SIGKILL);
}

TEST(ChildProcess, DiesWithItsParent) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  Descriptor reader{pipe[0]};
  Descriptor writer{pipe[1]};
  EXPECT_TRUE(holds_in_child([&] {
    const auto middle = ::getpid();
    if (::fork() != 0) return true;
    if (!die_with_parent(middle, SIGKILL)) return false;
    for (;;) ::pause();
  }));
  writer.reset();
  char octet = 0;
  EXPECT_EQ(::read(reader.get(), &octet, 1), 0) << "the last holder of the other end has gone";
}

TEST(Signals, ArriveAsValuesInTheLoop) {
  EXPECT_TRUE(holds_in_child([] {
    prepare_signals();
    SystemClock clock;
    const auto loop = *EventLoop::make(clock);
    const auto watch = *SignalWatch::make(*loop);
    for (const auto& [number, signal] : {std::pair{SIGTERM, Signal::stop}, std::pair{SIGINT, Signal::interrupt},
                                         std::pair{SIGHUP, Signal::reload}, std::pair{SIGCHLD, Signal::child}}) {
      loop->post([number] { ::kill(::getpid(), number); });
      if (*run_to_end(*loop, watch->next()) != signal) return false;
    }
    ::raise(SIGPIPE);
    loop->post([&] { watch->close(); });
    return run_to_end(*loop, watch->next()).error().kind == Error::Kind::closed;
  }));
}

TEST(Descriptors, TheLimitIsRaisedToWhatIsAllowed) {
  EXPECT_TRUE(holds_in_child([] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max / 2;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return *raise_descriptor_limit() == limit.rlim_max;
  }));
}

struct BudgetRow {
  std::string name;
  std::uint64_t limit;
  std::uint64_t wanted;
  std::uint64_t incoming;
};
class DescriptorBudgets : public testing::TestWithParam<BudgetRow> {};
TEST_P(DescriptorBudgets, LeaveRoomForDeliveries) {
  const auto& row = GetParam();
  const auto budget = divide_descriptors(row.limit, row.wanted, 2);
  EXPECT_EQ(budget.incoming, row.incoming);
  EXPECT_GE(budget.outgoing, 1U);
}
INSTANTIATE_TEST_SUITE_P(All, DescriptorBudgets,
                         testing::Values(BudgetRow{"plenty", 1'000'000, 10'000, 10'000},
                                         BudgetRow{"usual", 1'024, 10'000, 672}, BudgetRow{"few", 256, 10'000, 96},
                                         BudgetRow{"hardly_any", 100, 10'000, 1},
                                         BudgetRow{"none_wanted", 1'024, 0, 1}),
                         [](const auto& row) { return row.param.name; });

class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-notify-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    const auto path = folder_ + "/s";
    const auto address = *SocketAddress::from(world::UnixPath{path});
    socket_ = Descriptor{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ASSERT_EQ(::bind(socket_.get(), address.get(), address.size()), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("NOTIFY_SOCKET");
    std::filesystem::remove_all(folder_);
  }
  std::string heard() {
    std::array<char, 1'000> text{};
    const auto got = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT);
    return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  std::string folder_;
  Descriptor socket_;
  ServiceManager manager_;
};

TEST_F(ServiceManagerTest, HearsEachStateAsItsProtocolSays) {
  manager_.tell_ready("2 listeners\nand more");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=2 listeners and more");
  manager_.tell_reloading(MonotonicTime{1'234'567us});
  EXPECT_EQ(heard(), "RELOADING=1\nMONOTONIC_USEC=1234567");
  manager_.tell_stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
  manager_.tell_alive();
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, TheWatchdogIsFedTwiceAsOftenAsAsked) {
  EXPECT_FALSE(manager_.watchdog_interval());
  ::setenv("WATCHDOG_USEC", "10000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(process_id()).c_str(), 1);
  EXPECT_EQ(manager_.watchdog_interval(), Duration{5s});
  ::unsetenv("WATCHDOG_USEC");
  ::unsetenv("WATCHDOG_PID");
}

}  // namespace
}  // namespace posthorn::system
