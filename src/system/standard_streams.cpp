#include "system/standard_streams.hpp"

#include "system/system_error.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace posthorn::system {
namespace {

Result<> wait_for(int descriptor, short what, Duration limit, std::string_view doing) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  const auto timeout = static_cast<int>(std::min<std::int64_t>(milliseconds, std::numeric_limits<int>::max()));
  pollfd waiting{.fd = descriptor, .events = what, .revents = 0};
  const auto ready = uninterrupted([&] { return ::poll(&waiting, 1, timeout); });
  if (ready < 0) return system_failure(std::string(doing));
  if (ready == 0) return failure(Error::Kind::timed_out, std::string(doing) + ": nothing came in time");
  return {};
}

}  // namespace

Result<std::size_t> read_standard_input(std::span<char> into, Duration limit) {
  constexpr std::string_view doing = "read standard input";
  if (auto ready = wait_for(STDIN_FILENO, POLLIN, limit, doing); !ready) return failure(std::move(ready.error()));
  const auto count = uninterrupted([&] { return ::read(STDIN_FILENO, into.data(), into.size()); });
  if (count < 0) return system_failure(std::string(doing));
  return static_cast<std::size_t>(count);
}

Result<> write_standard_output(std::string_view octets, Duration limit) {
  constexpr std::string_view doing = "write standard output";
  while (!octets.empty()) {
    if (auto ready = wait_for(STDOUT_FILENO, POLLOUT, limit, doing); !ready) return ready;
    const auto count = uninterrupted([&] { return ::write(STDOUT_FILENO, octets.data(), octets.size()); });
    if (count < 0) return system_failure(std::string(doing));
    octets.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace posthorn::system
