// The network as a mail server sees it: listeners, streams, TLS on a stream. Real: system/socket_network. Simulated:
// sim/network. No third-party type shows here.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "world/task.hpp"
#include "world/tls.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace posthorn::world {

/// A UNIX socket by its path, for the control interface, LMTP and authentication.
struct UnixPath {
  std::string path;
};

using PeerAddress = std::variant<Endpoint, UnixPath>;

/// One connection, on the loop it was made on. At most one read and one write wait at a time. Destroying it closes it.
class Stream {
 public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// The next bytes that came, at least one; empty when the peer has ended its side. The view is into a buffer that the
  /// loop shares, so that a waiting stream costs no buffer: it is valid until the caller suspends next.
  /// Errors: timed_out, interrupted, reset, closed, tls.
  virtual Task<Result<std::string_view>> read(MonotonicTime deadline) = 0;

  /// Writes all of it. `bytes` stay valid until it returns. Errors: timed_out, reset, closed, tls.
  virtual Task<Result<>> write(std::string_view bytes, MonotonicTime deadline) = 0;

  /// Does a TLS handshake as the server or as the client; afterwards read and write are inside TLS. Nothing that was
  /// received before the call is taken as part of it. Errors: timed_out, reset, closed, tls.
  virtual Task<Result<TlsFacts>> start_tls(TlsServerPolicy policy, MonotonicTime deadline) = 0;
  virtual Task<Result<TlsFacts>> start_tls(TlsClientPolicy policy, MonotonicTime deadline) = 0;

  /// Bytes that have come and were not read yet, as far as can be told without waiting: an early talker is seen by it.
  [[nodiscard]] virtual bool has_unread_bytes() = 0;

  /// Gives back the end of what was read: the next read, or a handshake, begins with it. Once between two reads, at most as
  /// much as the last read gave; in the clear only. For what a proxy says ahead of its client's octets.
  virtual void put_back(std::string bytes) = 0;

  /// A read that waits returns `interrupted`; if none waits, nothing happens. No byte is lost, the stream stays as it is.
  virtual void interrupt_read() = 0;
  /// Ends our side in an orderly way; the peer's bytes can still be read.
  virtual void end_writing() = 0;
  /// Ends both sides now: a read or write that waits returns `closed`.
  virtual void close() = 0;

  [[nodiscard]] virtual PeerAddress peer() const = 0;
  [[nodiscard]] virtual PeerAddress local() const = 0;
  /// The account at the other end of a UNIX socket (SO_PEERCRED).
  [[nodiscard]] virtual Result<unsigned> peer_user() const = 0;
};

/// A listening socket, bound already. One per loop and address (SO_REUSEPORT).
class Acceptor {
 public:
  Acceptor() = default;
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;
  virtual ~Acceptor() = default;

  /// The next connection. Errors: too_many_files and no_memory (wait and try again), closed (end), others: one connection
  /// failed before it was ours, go on.
  virtual Task<Result<std::unique_ptr<Stream>>> accept() = 0;
  /// Takes no more; an accept that waits returns `closed`.
  virtual void close() = 0;
  [[nodiscard]] virtual PeerAddress local() const = 0;
};

struct ConnectOptions {
  std::string interface;                           ///< SO_BINDTODEVICE; empty: any
  std::variant<std::monostate, IpAddress> source;  ///< bind to it first
};

/// One per loop.
class Network {
 public:
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  virtual ~Network() = default;

  /// Errors: timed_out, refused, unreachable, too_many_files, not_found and not_permitted (UNIX paths), …
  virtual Task<Result<std::unique_ptr<Stream>>> connect(PeerAddress to, ConnectOptions options,
                                                        MonotonicTime deadline) = 0;
};

}  // namespace posthorn::world
