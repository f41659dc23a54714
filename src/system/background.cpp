#include "system/background.hpp"

#include "system/descriptor.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <limits>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::size_t most_words = 4'000;  // fits into a pipe whatever happens

/// A session of its own, nothing of the terminal, no file of the parent's but `kept`.
void leave_terminal(const std::string& name, int kept) {
  ::setsid();
  ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
  static_cast<void>(::chdir("/"));
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  Descriptor nowhere{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere.get(), stream);
  nowhere.reset();
  const auto number = static_cast<unsigned>(kept);
  if (number > STDERR_FILENO + 1U) ::close_range(STDERR_FILENO + 1U, number - 1, 0);
  ::close_range(number + 1, std::numeric_limits<unsigned>::max(), 0);
}

[[noreturn]] void be_child(const std::string& name, Descriptor to_parent,
                           const std::function<int(const TakeOver&)>& work) {
  leave_terminal(name, to_parent.get());
  const auto take_over = [&to_parent](std::string_view words) {
    words = words.substr(0, most_words);
    if (!words.empty()) uninterrupted([&] { return ::write(to_parent.get(), words.data(), words.size()); });
    to_parent.reset();
  };
  ::_exit(work(take_over));
}

/// What came until the other end was closed, or until the limit.
std::string read_words(const Descriptor& from, Duration limit) {
  std::string words;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (words.size() <= most_words) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd waiting{.fd = from.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || uninterrupted([&] { return ::poll(&waiting, 1, static_cast<int>(left)); }) <= 0) return {};
    std::array<char, 1024> piece{};
    const auto count = uninterrupted([&] { return ::read(from.get(), piece.data(), piece.size()); });
    if (count <= 0) break;
    words.append(piece.data(), static_cast<std::size_t>(count));
  }
  return words;
}

}  // namespace

Result<std::string> run_in_background(const std::string& name, Duration limit,
                                      const std::function<int(const TakeOver&)>& work) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("make a pipe");
  Descriptor ours{ends[0]};
  Descriptor theirs{ends[1]};
  const auto child = ::fork();
  if (child < 0) return system_failure("start a background process");
  if (child == 0) {
    ours.reset();
    be_child(name, std::move(theirs), work);
  }
  theirs.reset();
  auto words = read_words(ours, limit);
  if (!words.empty()) return words;
  ::kill(child, SIGKILL);
  uninterrupted([&] { return ::waitpid(child, nullptr, 0); });
  return failure(Error::Kind::ended, "the background process ended before it had taken over");
}

}  // namespace posthorn::system
