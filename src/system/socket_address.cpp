#include "system/socket_address.hpp"

#include "system/system_error.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace posthorn::system {
namespace {

template <class Address>
Address read_as(const sockaddr_storage& storage) {
  Address address{};
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> octets_at(const void* from) {
  std::array<std::uint8_t, Size> octets{};
  std::memcpy(octets.data(), from, Size);
  return octets;
}

}  // namespace

const sockaddr* SocketAddress::get() const { return static_cast<const sockaddr*>(static_cast<const void*>(&storage_)); }
sockaddr* SocketAddress::get() { return static_cast<sockaddr*>(static_cast<void*>(&storage_)); }

Result<SocketAddress> SocketAddress::from(const world::PeerAddress& address) {
  if (const auto* endpoint = std::get_if<Endpoint>(&address)) return from_endpoint(*endpoint);
  return from_path(std::get<world::UnixPath>(address).path);
}

SocketAddress SocketAddress::from_endpoint(const Endpoint& endpoint) {
  SocketAddress result;
  const auto octets = endpoint.address.octets();
  if (endpoint.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, octets.data(), octets.size());
    std::memcpy(&result.storage_, &in, sizeof in);
    result.size_ = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, octets.data(), octets.size());
    std::memcpy(&result.storage_, &in, sizeof in);
    result.size_ = sizeof in;
  }
  return result;
}

Result<SocketAddress> SocketAddress::from_path(const std::string& path) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return failure(Error::Kind::invalid, "a UNIX socket needs a path");
  }
  SocketAddress result;
  auto name = path;
  if (name.size() >= sizeof un.sun_path) {
    const auto slash = path.rfind('/');
    const auto parent = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
    result.folder_ = Descriptor{::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!result.folder_.is_open()) return system_failure("open " + parent);
    name = fmt::format("/proc/self/fd/{}/{}", result.folder_.get(), path.substr(slash + 1));
  }
  if (name.size() >= sizeof un.sun_path) return failure(Error::Kind::invalid, path + ": the name is too long");
  std::memcpy(un.sun_path, name.c_str(), name.size() + 1);
  std::memcpy(&result.storage_, &un, sizeof un);
  result.size_ = sizeof un;
  return result;
}

world::PeerAddress SocketAddress::to_world() const {
  if (storage_.ss_family == AF_INET) {
    const auto in = read_as<sockaddr_in>(storage_);
    return Endpoint{IpAddress::v4(octets_at<4>(&in.sin_addr)), ntohs(in.sin_port)};
  }
  if (storage_.ss_family == AF_INET6) {
    const auto in = read_as<sockaddr_in6>(storage_);
    return Endpoint{IpAddress::v6(octets_at<16>(&in.sin6_addr)), ntohs(in.sin6_port)};
  }
  const auto un = read_as<sockaddr_un>(storage_);
  const std::span name{un.sun_path};
  return world::UnixPath{std::string{name.begin(), std::ranges::find(name, '\0')}};
}

world::PeerAddress local_address(int socket) {
  SocketAddress address;
  if (::getsockname(socket, address.get(), address.size_to_fill()) != 0) return Endpoint{};
  return address.to_world();
}

std::string to_text(const world::PeerAddress& address) {
  if (const auto* endpoint = std::get_if<Endpoint>(&address)) return endpoint->to_string();
  return std::get<world::UnixPath>(address).path;
}

}  // namespace posthorn::system
