// TlsSession: one TLS connection over memory, without a socket: cipher text goes in and comes out as octets. One thread at
// a time, but not always the same: handshakes are driven on workers.
#pragma once

#include "base/result.hpp"
#include "system/openssl.hpp"
#include "system/tls_client_context.hpp"
#include "system/tls_server_contexts.hpp"
#include "world/tls.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace posthorn::system {

class TlsSession {
 public:
  /// As the server.
  static Result<std::unique_ptr<TlsSession>> accept(std::shared_ptr<const TlsServerContexts> contexts,
                                                    std::span<const std::string> protocols);
  /// As the client. Blocks: reads files.
  static Result<std::unique_ptr<TlsSession>> connect(const TlsClientContext& context,
                                                     const world::TlsClientPolicy& policy);

  TlsSession(SslPointer ssl, std::shared_ptr<const TlsServerContexts> contexts, std::span<const std::string> protocols);

  /// Cipher text that came, for the handshake; kept until it is used.
  void feed(std::string_view bytes) { input_ += bytes; }
  enum class Progress : std::uint8_t { done, needs_input };
  /// One step of the handshake with what was fed. take_output() must be sent after it, also after an error.
  Result<Progress> advance();

  /// Cipher text in, plain text out: as much as there is and goes into `into`; the rest of `bytes` is kept for the next
  /// call. `ended`: behind this the peer has said goodbye. An error behind plain text is told by the next call.
  struct Opened {
    std::size_t octets = 0;
    bool ended = false;
  };
  Result<Opened> open(std::string_view bytes, std::span<char> into);
  /// Plain text in; its cipher text is in take_output().
  Result<> seal(std::string_view bytes);
  /// close_notify, once.
  void say_goodbye();
  [[nodiscard]] std::string take_output() { return drain(::SSL_get_wbio(ssl_.get())); }
  [[nodiscard]] std::size_t output_size() const { return ::BIO_ctrl_pending(::SSL_get_wbio(ssl_.get())); }
  /// Whether cipher text waits that open() has not used.
  [[nodiscard]] bool has_input() const { return !input_.empty(); }

  [[nodiscard]] world::TlsFacts facts() const;
  [[nodiscard]] const SSL* ssl() const { return ssl_.get(); }

 private:
  /// Runs `call` with `bytes` behind what was kept as input, and keeps what it did not use.
  template <class Call>
  auto with_input(std::string_view bytes, Call call);

  SslPointer ssl_;
  std::shared_ptr<const TlsServerContexts> contexts_;  ///< that the handshake began with
  TlsProtocols protocols_;
  std::string input_;
};

}  // namespace posthorn::system
