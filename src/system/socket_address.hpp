// Between the addresses of world/ and the sockaddr of the kernel. UNIX paths longer than sun_path holds are reached
// through the folder's descriptor.
#pragma once

#include "base/result.hpp"
#include "system/descriptor.hpp"
#include "world/network.hpp"

#include <sys/socket.h>

#include <string>

namespace posthorn::system {

class SocketAddress {
 public:
  /// Room for the kernel to write an address into.
  SocketAddress() = default;
  /// Errors: invalid (a path that cannot be one), not_found (its folder).
  static Result<SocketAddress> from(const world::PeerAddress& address);

  [[nodiscard]] int family() const { return storage_.ss_family; }
  [[nodiscard]] const sockaddr* get() const;
  [[nodiscard]] sockaddr* get();
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] socklen_t* size_to_fill() { return &size_; }

  /// What the kernel wrote. A UNIX socket without a name is the empty path.
  [[nodiscard]] world::PeerAddress to_world() const;

 private:
  static SocketAddress from_endpoint(const Endpoint& endpoint);
  static Result<SocketAddress> from_path(const std::string& path);

  sockaddr_storage storage_{};
  socklen_t size_ = sizeof(sockaddr_storage);
  Descriptor folder_;  ///< of a long UNIX path, while it is in use
};

[[nodiscard]] world::PeerAddress local_address(int socket);

/// "192.0.2.1:25", "[2001:db8::1]:25", "/run/posthorn.sock".
[[nodiscard]] std::string to_text(const world::PeerAddress& address);

}  // namespace posthorn::system
