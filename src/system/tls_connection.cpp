#include "system/tls_connection.hpp"

#include "system/loop_core.hpp"

#include <utility>

namespace posthorn::system {
namespace {

/// What a peer may send before the handshake is over; a long chain of certificates has its room.
constexpr std::size_t most_handshake_octets = std::size_t{256} << 10;
/// Answers to a peer's key updates and the like that wait for our next write.
constexpr std::size_t most_waiting_output = std::size_t{64} << 10;
/// Plain text that is made into records at a time.
constexpr std::size_t sealed_at_once = std::size_t{64} << 10;

}  // namespace

world::Task<Result<>> TlsConnection::shake_hands(world::Workers& workers, MonotonicTime deadline) {
  std::size_t received = 0;
  for (;;) {
    auto step = co_await world::on_workers(workers, transport_.loop(), [this] { return session_->advance(); });
    auto sent = co_await send_output(deadline);  // also the alert that says why we end it
    if (!step) co_return failure(std::move(step.error()));
    if (!sent) co_return sent;
    if (*step == TlsSession::Progress::done) co_return Result<>{};
    const auto bytes = co_await transport_.read(deadline);
    if (!bytes) co_return failure(bytes.error());
    if (bytes->empty()) co_return failure(Error::Kind::reset, "TLS handshake: the peer closed the connection");
    received += bytes->size();
    if (received > most_handshake_octets) co_return failure(Error::Kind::tls, "TLS handshake: too long");
    session_->feed(*bytes);
  }
}

world::Task<Result<std::string_view>> TlsConnection::read(MonotonicTime deadline) {
  auto& plain = transport_.loop().core().plain_buffer;
  std::string_view cipher_text;
  for (bool first = true; !peer_ended_; first = false) {
    // What came with the end of the handshake, or did not fit, goes before what comes now.
    if (!first || !session_->has_input()) {
      const auto bytes = co_await transport_.read(deadline);
      if (!bytes) co_return failure(bytes.error());
      if (bytes->empty()) co_return failure(Error::Kind::reset, "TLS: the connection ended without close_notify");
      cipher_text = *bytes;
    }
    auto opened = session_->open(cipher_text, plain);
    if (!opened) co_return failure(std::move(opened.error()));
    peer_ended_ = opened->ended;
    answer_at_once();
    if (opened->octets > 0) co_return std::string_view{plain.data(), opened->octets};
    if (session_->output_size() > most_waiting_output) co_return failure(Error::Kind::tls, "TLS: too many key updates");
  }
  co_return std::string_view{};
}

/// What TLS itself has to say to what was read: that there is no renegotiation, or a key update. A peer that
/// lets not even that much in is not waited for.
void TlsConnection::answer_at_once() {
  if (writing_ || broken_ || session_->output_size() == 0) return;
  broken_ = !transport_.write_at_once(session_->take_output());
}

world::Task<Result<>> TlsConnection::write(std::string_view bytes, MonotonicTime deadline) {
  if (broken_) co_return failure(Error::Kind::reset, "TLS: a write before this one failed");
  while (!bytes.empty()) {
    auto sealed = session_->seal(bytes.substr(0, sealed_at_once));
    if (!sealed) co_return sealed;
    bytes.remove_prefix(std::min(bytes.size(), sealed_at_once));
    auto sent = co_await send_output(deadline);
    if (!sent) co_return sent;
  }
  co_return Result<>{};
}

world::Task<Result<>> TlsConnection::send_output(MonotonicTime deadline) {
  const auto output = session_->take_output();
  if (output.empty()) co_return Result<>{};
  writing_ = true;
  auto sent = co_await transport_.write(output, deadline);
  writing_ = false;
  broken_ = !sent;
  co_return sent;
}

void TlsConnection::say_goodbye() {
  if (writing_ || broken_) return;
  session_->say_goodbye();
  broken_ = !transport_.write_at_once(session_->take_output());
}

}  // namespace posthorn::system
