#include "system/socket_stream.hpp"

#include "system/socket_address.hpp"
#include "system/system_error.hpp"

#include <sys/socket.h>

#include <utility>

namespace posthorn::system {

SocketStream::SocketStream(SocketTransport transport, world::PeerAddress peer, const StreamEnvironment& /*environment*/)
    : transport_(std::move(transport)), peer_(std::move(peer)) {}

SocketStream::~SocketStream() { close_gently(std::move(transport_)); }

world::Task<Result<std::string_view>> SocketStream::read(MonotonicTime deadline) { return transport_.read(deadline); }

world::Task<Result<>> SocketStream::write(std::string_view bytes, MonotonicTime deadline) {
  return transport_.write(bytes, deadline);
}

world::Task<Result<world::TlsFacts>> SocketStream::start_tls(world::TlsServerPolicy /*policy*/,
                                                             MonotonicTime /*deadline*/) {
  co_return failure(Error::Kind::unsupported, "TLS is not available");
}

world::Task<Result<world::TlsFacts>> SocketStream::start_tls(world::TlsClientPolicy /*policy*/,
                                                             MonotonicTime /*deadline*/) {
  co_return failure(Error::Kind::unsupported, "TLS is not available");
}

bool SocketStream::has_unread_bytes() { return transport_.has_unread_bytes(); }
void SocketStream::end_writing() { transport_.end_writing(); }

void SocketStream::close() {
  transport_.end_writing();
  transport_.cancel();
}

world::PeerAddress SocketStream::local() const { return local_address(transport_.get()); }

Result<unsigned> SocketStream::peer_user() const {
  ucred account{};
  socklen_t size = sizeof account;
  if (!std::holds_alternative<world::UnixPath>(peer_)) {
    return failure(Error::Kind::unsupported, "only a UNIX socket knows its peer's account");
  }
  if (::getsockopt(transport_.get(), SOL_SOCKET, SO_PEERCRED, &account, &size) != 0) {
    return system_failure("ask for the peer's account");
  }
  return account.uid;
}

}  // namespace posthorn::system
