#include "proof/model_operator.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace posthorn::proof {
namespace {

using service::OperatorAction;
using Status = store::RecipientStatus;

constexpr std::size_t most_looked_at = 64;

OperatorAction action_of(Order order) {
  switch (order) {
    case Order::hold:
      return OperatorAction::hold;
    case Order::release:
      return OperatorAction::release;
    case Order::retry:
      return OperatorAction::retry;
    case Order::remove:
      return OperatorAction::remove;
    case Order::expire:
      return OperatorAction::expire;
  }
  bug("an order without an action");
}

bool takes_effect(Order order, Status status) {
  const bool only_held = order == Order::release;
  const bool only_queued = order == Order::hold || order == Order::retry;
  return (status == Status::queued && !only_held) || (status == Status::held && !only_queued);
}

}  // namespace

world::Task<> ModelOperator::give(service::Server& server, Order order) {
  const auto waiting = server.spool().live_after({}, most_looked_at);
  if (waiting.empty()) co_return;
  const auto about = waiting.at(world_.random.below(waiting.size())).id;
  co_await give(server, order, about, world_.random.chance(50));
}

world::Task<> ModelOperator::give(service::Server& server, Order order, MessageId about, bool to_all) {
  const auto action = action_of(order);
  std::vector<std::string> meant;
  // Reports are left alone: what became of a letter is known by them.
  const auto is_meant = [&](const mail::Recipient& recipient, const store::RecipientState& state) {
    auto address = recipient.address.to_string();
    if (!world_.ledger.knows(address) || !takes_effect(order, state.status)) return false;
    if (!to_all && !meant.empty()) return false;
    world_.ledger.operator_asks(order, address);
    meant.push_back(std::move(address));
    return true;
  };
  world_.trace.note("operator", name_of(action), about.to_string(), {});
  const auto done = co_await server.queue().act(action, about, is_meant);
  world_.trace.note("operator", "is answered", done ? "yes" : done.error().text, {});
  if (!done) co_return;
  for (const auto& recipient : meant) world_.ledger.operator_was_answered(order, recipient, done->running > 0);
}

world::Task<> ModelOperator::release_all(service::Server& server) {
  for (const auto& message : server.spool().live_after({}, most_looked_at)) {
    const bool is_held =
        std::ranges::any_of(message.recipients, [](const auto& one) { return one.status == Status::held; });
    if (is_held) co_await give(server, Order::release, message.id, true);
  }
}

}  // namespace posthorn::proof
