#include "system/machine.hpp"

#include "base/ascii.hpp"
#include "system/descriptor.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <thread>

namespace posthorn::system {
namespace {

constexpr std::uint64_t first_free_port = 1024;
constexpr std::size_t small_file = 4'096;
constexpr unsigned net_bind_service = 10;  // CAP_NET_BIND_SERVICE

std::string first_line(const std::string& path) {
  const auto text = read_file(path, small_file);
  return text ? text->substr(0, text->find('\n')) : std::string{};
}

bool has_capability(unsigned number) {
  const auto status = read_file("/proc/self/status", 64U << 10);
  if (!status) return false;
  const auto at = status->find("\nCapEff:\t");
  if (at == std::string::npos) return false;
  const auto digits = std::string_view(*status).substr(at + 9, 16);
  std::uint64_t capabilities = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), capabilities, 16);
  return (capabilities >> number & 1U) != 0;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name.front() == '\0') return "localhost";
  return name.data();
}

std::string machine_identity() {
  auto id = first_line("/etc/machine-id");
  return id.empty() ? host_name() : id;
}

bool may_bind_low_ports() {
  const auto start = ascii::to_number(first_line("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
  return has_capability(net_bind_service) || start.value_or(first_free_port) <= 25;
}

unsigned user_id() { return geteuid(); }

unsigned group_id() { return getegid(); }

unsigned process_id() { return static_cast<unsigned>(getpid()); }

unsigned processors() {
  const auto count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : count;
}

Result<std::string> read_file(const std::string& path, std::size_t most) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.is_open()) return system_failure("open " + path);
  std::string text;
  std::array<char, 16'384> piece{};
  while (true) {
    const auto count = uninterrupted([&] { return read(file.get(), piece.data(), piece.size()); });
    if (count < 0) return system_failure("read " + path);
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > most) return failure(Error::Kind::invalid, "read " + path + ": the file is too large");
  }
}

}  // namespace posthorn::system
