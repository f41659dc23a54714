#include "sim/network.hpp"

#include "sim/pipe.hpp"

#include <utility>

namespace posthorn::sim {
namespace detail {

struct Host {
  Host(Loop& loop, Endpoint endpoint) : at(endpoint), arrived(loop) {}
  Endpoint at;
  std::vector<std::unique_ptr<world::Stream>> waiting;
  world::Event arrived;
  bool closed = false;
};

}  // namespace detail

namespace {

constexpr std::size_t backlog = 4'096;

}  // namespace

Acceptor::Acceptor(std::shared_ptr<detail::Host> host) : host_(std::move(host)) {}

Acceptor::~Acceptor() { close(); }

world::Task<Result<std::unique_ptr<world::Stream>>> Acceptor::accept() {
  auto host = host_;
  while (host->waiting.empty()) {
    if (host->closed) co_return failure(Error::Kind::closed, "the listener is closed");
    host->arrived.clear();
    co_await host->arrived.wait(never);
  }
  auto stream = std::move(host->waiting.front());
  host->waiting.erase(host->waiting.begin());
  co_return stream;
}

void Acceptor::close() {
  host_->closed = true;
  host_->waiting.clear();
  host_->arrived.set();
}

world::PeerAddress Acceptor::local() const { return host_->at; }

Network::Network(Loop& loop, Random& random, NetworkSettings settings)
    : loop_(loop), random_(random), settings_(settings) {}

Network::~Network() = default;

std::unique_ptr<Acceptor> Network::listen(Endpoint at) {
  auto host = std::make_shared<detail::Host>(loop_, at);
  hosts_[at] = host;
  return std::make_unique<Acceptor>(std::move(host));
}

void Network::mix_into(RunningHash& hash) const {
  hash.mix(carried_.value());
  hash.mix(next_port_);
}

world::Task<Result<std::unique_ptr<world::Stream>>> Network::connect(world::PeerAddress to,
                                                                     world::ConnectOptions options,
                                                                     MonotonicTime deadline) {
  const auto* endpoint = std::get_if<Endpoint>(&to);
  if (endpoint == nullptr) co_return failure(Error::Kind::unsupported, "UNIX sockets are not simulated");
  const auto arrives = after(loop_.now(), settings_.most_delay);
  co_await world::sleep_until(loop_, std::min(arrives, deadline));
  if (arrives > deadline) co_return failure(Error::Kind::timed_out, "connect to " + endpoint->to_string());
  const auto found = hosts_.find(*endpoint);
  const auto host = found == hosts_.end() ? nullptr : found->second.lock();
  if (!host || host->closed || host->waiting.size() >= backlog) {
    co_return failure(Error::Kind::refused, "connect to " + endpoint->to_string() + ": connection refused");
  }
  const auto* source = std::get_if<IpAddress>(&options.source);
  const Endpoint from{source != nullptr ? *source : *IpAddress::parse("192.0.2.200"), next_port_++};
  auto [near, far] = make_connection({loop_, random_, settings_, carried_}, from, *endpoint);
  ++connections_;
  host->waiting.push_back(std::move(far));
  host->arrived.set();
  co_return std::move(near);
}

}  // namespace posthorn::sim
