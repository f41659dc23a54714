#include "system/socket_stream.hpp"

#include "base/assert.hpp"
#include "system/socket_address.hpp"
#include "system/system_error.hpp"
#include "system/tls_connection.hpp"
#include "system/tls_identities.hpp"
#include "world/wait.hpp"

#include <sys/socket.h>

#include <utility>

namespace posthorn::system {

SocketStream::SocketStream(SocketTransport transport, world::PeerAddress peer, StreamEnvironment& environment)
    : transport_(std::move(transport)), peer_(std::move(peer)), environment_(environment) {}

SocketStream::~SocketStream() {
  if (tls_) tls_->say_goodbye();
  tls_.reset();
  close_gently(std::move(transport_));
}

world::Task<Result<std::string_view>> SocketStream::read(MonotonicTime deadline) {
  return tls_ ? tls_->read(deadline) : transport_.read(deadline);
}

world::Task<Result<>> SocketStream::write(std::string_view bytes, MonotonicTime deadline) {
  return tls_ ? tls_->write(bytes, deadline) : transport_.write(bytes, deadline);
}

world::Task<Result<std::unique_ptr<TlsConnection>>> SocketStream::shake_hands(std::unique_ptr<TlsSession> session,
                                                                              MonotonicTime deadline) {
  auto connection = std::make_unique<TlsConnection>(transport_, std::move(session));
  auto shaken = co_await connection->shake_hands(environment_.handshakes(), deadline);
  if (!shaken) co_return failure(std::move(shaken.error()));
  co_return connection;
}

world::Task<Result<world::TlsFacts>> SocketStream::start_tls(world::TlsServerPolicy policy, MonotonicTime deadline) {
  ensure(!tls_, "TLS starts once");
  const auto identities = std::dynamic_pointer_cast<TlsIdentityStore>(policy.identities);
  if (!identities) co_return failure(Error::Kind::unsupported, "there is no certificate to show");
  auto session = TlsSession::accept(identities->current(), policy.application_protocols);
  if (!session) co_return failure(std::move(session.error()));
  auto connection = co_await shake_hands(std::move(*session), deadline);
  if (!connection) co_return failure(std::move(connection.error()));
  tls_ = std::move(*connection);
  co_return tls_->session().facts();
}

world::Task<Result<world::TlsFacts>> SocketStream::start_tls(world::TlsClientPolicy policy, MonotonicTime deadline) {
  ensure(!tls_, "TLS starts once");
  auto context = environment_.client_tls();
  if (!context) co_return failure(std::move(context.error()));
  auto session = co_await world::on_workers(environment_.handshakes(), loop(),
                                            [&] { return TlsSession::connect(**context, policy); });
  if (!session) co_return failure(std::move(session.error()));
  auto connection = co_await shake_hands(std::move(*session), deadline);
  if (!connection) co_return failure(std::move(connection.error()));
  const auto verdict = judge((*connection)->session().ssl(), policy);
  if (!verdict.acceptable) {
    (*connection)->say_goodbye();
    co_return failure(Error::Kind::tls, "TLS: " + verdict.why_not);
  }
  tls_ = std::move(*connection);
  auto facts = tls_->session().facts();
  facts.peer_verified = verdict.verified;
  facts.verify_error = verdict.why_not;
  co_return facts;
}

bool SocketStream::has_unread_bytes() { return tls_ ? tls_->has_unread_bytes() : transport_.has_unread_bytes(); }

void SocketStream::end_writing() {
  if (tls_) tls_->say_goodbye();
  transport_.end_writing();
}

void SocketStream::close() {
  end_writing();
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
