// TlsConnection: a TlsSession on the bytes of a socket. Handshakes compute on workers, never on the loop; afterwards reading
// and writing happen on the loop, with nothing buffered while the connection is idle.
#pragma once

#include "base/result.hpp"
#include "system/socket_transport.hpp"
#include "system/tls_session.hpp"
#include "world/task.hpp"
#include "world/workers.hpp"

#include <memory>
#include <string_view>

namespace posthorn::system {

class TlsConnection {
 public:
  TlsConnection(SocketTransport& transport, std::unique_ptr<TlsSession> session)
      : transport_(transport), session_(std::move(session)) {}

  /// Errors: timed_out, interrupted, reset (the peer left in the middle), closed, tls.
  world::Task<Result<>> shake_hands(world::Workers& workers, MonotonicTime deadline);

  /// As world::Stream. An end without close_notify is `reset`: somebody may have cut the connection to hide the rest.
  world::Task<Result<std::string_view>> read(MonotonicTime deadline);
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime deadline);

  [[nodiscard]] bool has_unread_bytes() const { return session_->has_input() || transport_.has_unread_bytes(); }
  /// Sends close_notify if it goes at once.
  void say_goodbye();
  [[nodiscard]] const TlsSession& session() const { return *session_; }

 private:
  world::Task<Result<>> send_output(MonotonicTime deadline);
  void answer_at_once();

  SocketTransport& transport_;
  std::unique_ptr<TlsSession> session_;
  bool peer_ended_ = false;
  bool writing_ = false;  ///< a record is on its way, in part
  bool broken_ = false;   ///< a record went out in part: nothing may follow it
};

}  // namespace posthorn::system
