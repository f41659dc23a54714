#include "system/stream_environment.hpp"

#include "system/tls_client_context.hpp"

namespace posthorn::system {

StreamEnvironment::StreamEnvironment(EventLoop& loop, world::Workers& handshakes)
    : loop_(loop), handshakes_(handshakes) {}

StreamEnvironment::~StreamEnvironment() = default;

Result<std::shared_ptr<const TlsClientContext>> StreamEnvironment::client_tls() {
  if (client_tls_) return client_tls_;
  auto made = TlsClientContext::make();
  if (made) client_tls_ = *made;
  return made;
}

}  // namespace posthorn::system
