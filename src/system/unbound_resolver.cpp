#include "system/unbound_resolver.hpp"

#include "base/ascii.hpp"
#include "system/dns_decode.hpp"
#include "world/wait.hpp"

#include <memory>
#include <utility>

namespace posthorn::system {
namespace {

/// Shared by the task that waits and the answer that is under way, since either may end first.
struct Pending {
  explicit Pending(world::Loop& loop) : arrived(loop) {}
  world::Event arrived;
  world::DnsAnswer answer{.why = "no answer in time"};
};

}  // namespace

world::Task<world::DnsAnswer> UnboundResolver::query(std::string name, world::DnsType type, MonotonicTime deadline) {
  if (name.ends_with('.')) name.pop_back();
  name = ascii::lower(name);
  if (!is_askable(name)) co_return world::DnsAnswer{.status = world::DnsAnswer::Status::no_name};
  follow_generation();
  if (auto known = cache_.find(name, type, loop_.now())) co_return std::move(*known);
  const auto pending = std::make_shared<Pending>(loop_);
  service_.ask(name, type, deadline, [pending, &loop = loop_](world::DnsAnswer answer) {
    loop.post([pending, found = std::move(answer)]() mutable {
      pending->answer = std::move(found);
      pending->arrived.set();
    });
  });
  co_await pending->arrived.wait(deadline);
  if (pending->arrived.is_set()) cache_.keep(name, type, pending->answer, loop_.now());
  co_return pending->answer;
}

void UnboundResolver::follow_generation() {
  const auto now = service_.generation();
  if (std::exchange(generation_, now) != now) cache_.clear();
}

}  // namespace posthorn::system
