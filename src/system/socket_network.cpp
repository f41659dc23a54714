#include "system/socket_network.hpp"

#include "system/socket_address.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

namespace posthorn::system {
namespace {

/// Connections taken in a row before the sessions have their turn.
constexpr unsigned accepts_per_turn = 16;

Descriptor open_spare() { return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

/// Of accept(2), whose other errors are those of one connection.
Error accept_error(int error_number) {
  auto error = system_error("accept", error_number);
  const bool socket_is_bad = error_number == EBADF || error_number == EINVAL || error_number == ENOTSOCK;
  if (socket_is_bad) error.kind = Error::Kind::closed;
  return error;
}

Result<> prepare(int socket, const world::ConnectOptions& options) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!options.interface.empty()) {
    const auto size = static_cast<socklen_t>(options.interface.size());
    if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, options.interface.data(), size) != 0) {
      return system_failure("bind to the interface " + options.interface);
    }
  }
  const auto* source = std::get_if<IpAddress>(&options.source);
  if (source == nullptr) return {};
  // The port is chosen when the other end is known: one source address may then hold more than 28,000 connections.
  ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto address = SocketAddress::from(Endpoint{*source, 0});
  if (!address) return failure(address.error());
  if (::bind(socket, address->get(), address->size()) != 0) {
    return system_failure("bind to the address " + source->to_string());
  }
  return {};
}

/// A socket whose connection is on its way; `in_progress` false: it is there already.
struct Attempt {
  Descriptor socket;
  bool in_progress = false;
};

Result<Attempt> begin_connect(const world::PeerAddress& to, const world::ConnectOptions& options) {
  const auto address = SocketAddress::from(to);
  if (!address) return failure(address.error());
  Descriptor socket{::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket.is_open()) return system_failure("make a socket");
  if (std::holds_alternative<Endpoint>(to)) {
    if (auto prepared = prepare(socket.get(), options); !prepared) return failure(std::move(prepared.error()));
  }
  if (::connect(socket.get(), address->get(), address->size()) == 0) return Attempt{std::move(socket), false};
  if (errno == EINPROGRESS || errno == EINTR) return Attempt{std::move(socket), true};
  if (errno == EAGAIN) return failure(Error::Kind::refused, "the backlog is full");  // a UNIX socket does not wait
  return system_failure("connect");
}

Result<> outcome_of(int socket) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return system_failure("connect");
  return error == 0 ? Result<>{} : system_failure("connect", error);
}

world::Task<Result<>> wait_for_connection(PolledDescriptor& socket, MonotonicTime deadline) {
  const auto readiness = co_await socket.wait(PolledDescriptor::Direction::write, deadline);
  switch (readiness) {
    case Readiness::ready:
      co_return outcome_of(socket.get());
    case Readiness::timed_out:
      co_return failure(Error::Kind::timed_out, "connect: no answer in time");
    case Readiness::interrupted:
    case Readiness::closed:
      break;
  }
  co_return failure(Error::Kind::closed, "connect: closed on our side");
}

}  // namespace

world::Task<Result<std::unique_ptr<world::Stream>>> SocketNetwork::connect(world::PeerAddress to,
                                                                           world::ConnectOptions options,
                                                                           MonotonicTime deadline) {
  auto attempt = begin_connect(to, options);
  if (!attempt) co_return failure(std::move(attempt.error()).context(to_text(to)));
  auto socket = PolledDescriptor::make(environment_.loop(), std::move(attempt->socket));
  if (!socket) co_return failure(std::move(socket.error()));
  if (attempt->in_progress) {
    auto connected = co_await wait_for_connection(*socket, deadline);
    if (!connected) co_return failure(std::move(connected.error()).context(to_text(to)));
  }
  co_return std::make_unique<SocketStream>(SocketTransport{std::move(*socket)}, std::move(to), environment_);
}

Result<std::unique_ptr<SocketAcceptor>> SocketAcceptor::make(StreamEnvironment& environment, Descriptor listening,
                                                             world::PeerAddress local, std::string refusal) {
  auto polled = PolledDescriptor::make(environment.loop(), std::move(listening));
  if (!polled) return failure(std::move(polled.error()));
  return std::make_unique<SocketAcceptor>(environment, std::move(*polled), std::move(local), std::move(refusal));
}

SocketAcceptor::SocketAcceptor(StreamEnvironment& environment, PolledDescriptor listening, world::PeerAddress local,
                               std::string refusal)
    : environment_(environment),
      listening_(std::move(listening)),
      local_(std::move(local)),
      refusal_(std::move(refusal)),
      spare_(open_spare()) {}

world::Task<Result<std::unique_ptr<world::Stream>>> SocketAcceptor::accept() {
  bool may_be_there = ++accepted_without_wait_ <= accepts_per_turn;
  while (!listening_.is_cancelled()) {
    if (may_be_there) {
      SocketAddress peer;
      Descriptor socket{uninterrupted(
          [&] { return ::accept4(listening_.get(), peer.get(), peer.size_to_fill(), SOCK_NONBLOCK | SOCK_CLOEXEC); })};
      if (socket.is_open()) co_return take(std::move(socket), peer.to_world());
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        auto error = accept_error(errno);
        if (error.kind == Error::Kind::too_many_files) refuse_one();
        co_return failure(std::move(error));
      }
    }
    accepted_without_wait_ = 0;
    static_cast<void>(co_await listening_.wait(PolledDescriptor::Direction::read, never));
    may_be_there = true;
  }
  co_return failure(Error::Kind::closed, "accept: the listener is closed");
}

Result<std::unique_ptr<world::Stream>> SocketAcceptor::take(Descriptor socket, world::PeerAddress peer) {
  auto polled = PolledDescriptor::make(environment_.loop(), std::move(socket));
  if (!polled) return failure(std::move(polled.error()).context("accept"));
  if (std::holds_alternative<world::UnixPath>(peer)) peer = local_;
  return std::make_unique<SocketStream>(SocketTransport{std::move(*polled)}, std::move(peer), environment_);
}

void SocketAcceptor::refuse_one() {
  if (refusal_.empty()) return;
  spare_.reset();
  {
    const Descriptor socket{::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket.is_open()) ::send(socket.get(), refusal_.data(), refusal_.size(), MSG_NOSIGNAL);
  }
  spare_ = open_spare();
}

}  // namespace posthorn::system
