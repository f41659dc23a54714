#include "service/listener.hpp"

#include "smtp/standard_replies.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds{10};
constexpr Duration longest_pause = std::chrono::seconds{1};

}  // namespace

void Receptions::start(ReceptionWorld& world, Reception::Start start) { tasks_.start(run(world, std::move(start))); }

world::Task<> Receptions::run(ReceptionWorld& world, Reception::Start start) {
  Reception reception(world, std::move(start));
  running_.insert(&reception);
  all_gone_.clear();
  co_await reception.run();
  running_.erase(&reception);
  if (running_.empty()) all_gone_.set();
}

void Receptions::shut_down(smtp::ServerSession::Shutdown how) {
  for (auto* reception : running_) reception->shut_down(how);
}

Listener::Listener(ListenerWorld world, std::unique_ptr<world::Acceptor> acceptor, std::size_t index)
    : world_(world), acceptor_(std::move(acceptor)), index_(index) {}

world::Task<> Listener::run() {
  while (true) {
    auto stream = co_await acceptor_->accept();
    if (stream) {
      pause_ = Duration{0};
      start_session(std::move(*stream));
      continue;
    }
    if (stream.error().kind == Error::Kind::closed) co_return;
    const auto kind = stream.error().kind;
    if (kind == Error::Kind::too_many_files || kind == Error::Kind::no_memory) co_await pause(stream.error());
  }
}

world::Task<> Listener::pause(const Error& why) {
  if (pause_ == Duration{0}) {
    world_.log.warning("listener.paused",
                       {{"error", why.text}, {"what_to_do", "raise the limit of open files (LimitNOFILE=)"}});
  }
  pause_ = std::clamp(pause_ * 2, first_pause, longest_pause);
  co_await world::sleep_until(world_.reception.loop, after(world_.reception.loop.now(), pause_));
}

void Listener::start_session(std::unique_ptr<world::Stream> stream) {
  const auto peer = stream->peer();
  const auto* endpoint = std::get_if<Endpoint>(&peer);
  // FAULTS F31.
  auto refusal = refuses_ ? std::optional{smtp::replies::shutting_down()} : std::nullopt;
  const auto address = endpoint != nullptr ? endpoint->address : IpAddress{};
  auto policy = world_.policy.current();
  if (!refusal && contains(policy->listeners.at(index_).refuse_from, address))
    refusal = smtp::replies::session_refused();
  const bool is_proxy = contains(policy->listeners.at(index_).proxy_from, address);
  auto [verdict, ticket] = is_proxy ? world_.limits.admit_proxy() : world_.limits.admit(address);
  // Refused clients are told so, but a flood of them may not take more places than those that are served.
  if (verdict != ConnectionLimits::Verdict::admitted && world_.receptions.size() > world_.limits.most() * 2) return;
  world_.receptions.start(world_.reception, {.policy = std::move(policy),
                                             .listener = index_,
                                             .session = world_.names.next(),
                                             .stream = std::move(stream),
                                             .limits = world_.limits,
                                             .ticket = std::move(ticket),
                                             .refusal = refusal ? std::move(refusal) : refusal_of(verdict),
                                             .log = &world_.log});
}

}  // namespace posthorn::service
