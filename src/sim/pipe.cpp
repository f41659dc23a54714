#include "sim/pipe.hpp"

#include <algorithm>

namespace posthorn::sim {
namespace detail {

std::size_t Pipe::room() const {
  const auto used = arrived.size() + under_way;
  return used < world.settings.window ? world.settings.window - used : 0;
}

MonotonicTime Pipe::draw_arrival() {
  const auto spread = world.settings.most_delay - world.settings.least_delay;
  const Duration drawn{static_cast<std::int64_t>(world.random.below(static_cast<std::uint64_t>(spread.count()) + 1))};
  // Never two at one moment: what was sent first arrives first, whatever the loop makes of ties.
  last_arrival = std::max(last_arrival + Duration{1}, world.loop.now() + world.settings.least_delay + drawn);
  world.carried.mix(static_cast<std::uint64_t>(last_arrival.time_since_epoch().count()));
  return last_arrival;
}

void Pipe::send(const std::shared_ptr<Pipe>& self, std::string_view bytes) {
  while (!bytes.empty()) {
    const bool split = self->world.random.chance(self->world.settings.split_percent);
    const auto size = split ? self->world.random.between(1, bytes.size()) : bytes.size();
    deliver(self, std::string(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
}

void Pipe::deliver(const std::shared_ptr<Pipe>& self, std::string piece) {
  self->under_way += piece.size();
  self->world.carried.mix(piece);
  const bool cut = self->world.random.below(1'000'000) < self->world.settings.cut_per_million;
  self->world.loop.start_timer(self->draw_arrival(), [self, cut, piece = std::move(piece)] {
    self->under_way -= piece.size();
    if (cut) {
      self->break_off();
      if (const auto other = self->opposite.lock()) other->break_off();
      return;
    }
    if (self->broken) return;
    self->arrived += piece;
    self->readable.set();
  });
}

void Pipe::send_end(const std::shared_ptr<Pipe>& self) {
  if (std::exchange(self->end_sent, true)) return;
  self->world.loop.start_timer(self->draw_arrival(), [self] {
    self->ended = true;
    self->readable.set();
  });
}

void Pipe::break_off() {
  broken = true;
  readable.set();
  writable.set();
}

}  // namespace detail

namespace {

constexpr std::string_view client_hello = "\x16posthorn-sim-client-hello\n";
constexpr std::string_view server_hello = "\x16posthorn-sim-server-hello\n";

class PipeStream final : public world::Stream {
 public:
  PipeStream(PipeWorld where, std::shared_ptr<detail::Pipe> in, std::shared_ptr<detail::Pipe> out)
      : world_(where), in_(std::move(in)), out_(std::move(out)) {}
  ~PipeStream() override { end(); }

  world::Task<Result<std::string_view>> read(MonotonicTime deadline) override;
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsServerPolicy policy, MonotonicTime deadline) override;
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsClientPolicy policy, MonotonicTime deadline) override;
  [[nodiscard]] bool has_unread_bytes() override { return !in_->arrived.empty(); }
  void put_back(std::string bytes) override { in_->arrived.insert(0, bytes); }
  void interrupt_read() override {
    interrupted_ = reading_;
    in_->readable.set();
  }
  void end_writing() override { detail::Pipe::send_end(out_); }
  void close() override;
  [[nodiscard]] world::PeerAddress peer() const override { return peer_; }
  [[nodiscard]] world::PeerAddress local() const override { return local_; }
  [[nodiscard]] Result<unsigned> peer_user() const override {
    return failure(Error::Kind::unsupported, "not a UNIX socket");
  }
  void set_addresses(Endpoint local, Endpoint peer) {
    local_ = local;
    peer_ = peer;
  }

 private:
  void end();
  [[nodiscard]] std::unexpected<Error> broken_error() const {
    return closed_ ? failure(Error::Kind::closed, "the stream is closed")
                   : failure(Error::Kind::reset, "connection reset by peer");
  }
  world::Task<Result<>> expect(std::string_view token, MonotonicTime deadline);

  PipeWorld world_;
  std::shared_ptr<detail::Pipe> in_;
  std::shared_ptr<detail::Pipe> out_;
  Endpoint local_;
  Endpoint peer_;
  bool closed_ = false;
  bool reading_ = false;
  bool interrupted_ = false;
};

world::Task<Result<std::string_view>> PipeStream::read(MonotonicTime deadline) {
  while (in_->arrived.empty()) {
    if (closed_ || in_->broken) co_return broken_error();
    if (in_->ended) co_return std::string_view{};
    in_->readable.clear();
    reading_ = true;
    const bool woken = co_await in_->readable.wait(deadline);
    reading_ = false;
    if (!woken) co_return failure(Error::Kind::timed_out, "read timed out");
    if (std::exchange(interrupted_, false)) co_return failure(Error::Kind::interrupted, "the wait was ended");
  }
  // A buffer of its own, freed as soon as anything else runs: whoever keeps the view too long is found by ASan.
  auto bytes = std::make_shared<std::string>(std::exchange(in_->arrived, {}));
  in_->writable.set();
  world_.loop.post([bytes] {});
  co_return std::string_view{*bytes};
}

world::Task<Result<>> PipeStream::write(std::string_view bytes, MonotonicTime deadline) {
  while (!bytes.empty()) {
    if (closed_ || out_->broken) co_return broken_error();
    const auto size = std::min(bytes.size(), out_->room());
    detail::Pipe::send(out_, bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (bytes.empty()) break;
    out_->writable.clear();
    if (!co_await out_->writable.wait(deadline)) co_return failure(Error::Kind::timed_out, "write timed out");
  }
  co_return Result<>{};
}

world::Task<Result<>> PipeStream::expect(std::string_view token, MonotonicTime deadline) {
  std::string got;
  while (got.size() < token.size()) {
    const auto bytes = co_await read(deadline);
    if (!bytes) co_return failure(bytes.error());
    if (bytes->empty()) co_return failure(Error::Kind::tls, "the peer left during the handshake");
    got += *bytes;
    if (!token.starts_with(std::string_view{got}.substr(0, token.size()))) {
      co_return failure(Error::Kind::tls, "no handshake where one was due");
    }
  }
  in_->arrived.insert(0, got.substr(token.size()));
  co_return Result<>{};
}

world::Task<Result<world::TlsFacts>> PipeStream::start_tls(world::TlsServerPolicy /*policy*/, MonotonicTime deadline) {
  if (auto hello = co_await expect(client_hello, deadline); !hello) co_return failure(hello.error());
  if (auto sent = co_await write(server_hello, deadline); !sent) co_return failure(sent.error());
  co_return world::TlsFacts{.protocol = "TLSv1.3", .cipher = "SIMULATED", .bits = 256};
}

world::Task<Result<world::TlsFacts>> PipeStream::start_tls(world::TlsClientPolicy policy, MonotonicTime deadline) {
  if (auto sent = co_await write(client_hello, deadline); !sent) co_return failure(sent.error());
  if (auto hello = co_await expect(server_hello, deadline); !hello) co_return failure(hello.error());
  co_return world::TlsFacts{.protocol = "TLSv1.3",
                            .cipher = "SIMULATED",
                            .bits = 256,
                            .server_name = policy.server_name,
                            .peer_verified = policy.verify != world::TlsClientPolicy::Verify::nothing};
}

void PipeStream::close() {
  closed_ = true;
  end();
  in_->readable.set();
  out_->writable.set();
}

void PipeStream::end() {
  detail::Pipe::send_end(out_);
  // Whatever the peer still writes has nobody to read it.
  in_->world.loop.post([in = in_] { in->break_off(); });
}

}  // namespace

std::pair<std::unique_ptr<world::Stream>, std::unique_ptr<world::Stream>> make_connection(PipeWorld world,
                                                                                          Endpoint near, Endpoint far) {
  auto towards_far = std::make_shared<detail::Pipe>(world);
  auto towards_near = std::make_shared<detail::Pipe>(world);
  towards_far->opposite = towards_near;
  towards_near->opposite = towards_far;
  auto near_stream = std::make_unique<PipeStream>(world, towards_near, towards_far);
  auto far_stream = std::make_unique<PipeStream>(world, towards_far, towards_near);
  near_stream->set_addresses(near, far);
  far_stream->set_addresses(far, near);
  return {std::move(near_stream), std::move(far_stream)};
}

}  // namespace posthorn::sim
