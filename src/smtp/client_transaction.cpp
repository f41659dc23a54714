#include "smtp/client_transaction.hpp"

#include "base/assert.hpp"

#include <algorithm>

namespace posthorn::smtp {

Outcome refusal(Step step, const PeerReply& reply) {
  const auto first_digit = reply.code / 100;
  ensure(first_digit == 4 || first_digit == 5, "a refusal is 4yz or 5yz");
  const auto kind = first_digit == 5 ? Outcome::Kind::permanent : Outcome::Kind::temporary;
  return {kind, step, reply.status().value_or(mail::EnhancedStatus{first_digit, 0, 0}), reply.code, reply.text()};
}

ClientTransaction::ClientTransaction(ClientMessage message, std::size_t tried)
    : message_(std::move(message)), tried_(tried) {
  const auto count = message_.envelope.recipients.size();
  ensure(count > 0 && tried <= count, "a message has a recipient");
  fates_.resize(count, Fate::open);
  outcomes_.resize(count, Outcome{.text = "not tried in this transaction"});
}

std::vector<std::size_t> ClientTransaction::accepted() const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < tried_; ++i) {
    if (fates_[i] == Fate::accepted) found.push_back(i);
  }
  return found;
}

bool ClientTransaction::has_accepted() const { return std::ranges::find(fates_, Fate::accepted) != fates_.end(); }

void ClientTransaction::accept(std::size_t recipient, const PeerReply& reply) {
  if (fates_.at(recipient) != Fate::open) return;
  fates_[recipient] = Fate::accepted;
  const auto status = reply.status().value_or(mail::EnhancedStatus{2, 0, 0});
  outcomes_[recipient] = {Outcome::Kind::untried, Step::rcpt, status, reply.code, reply.text()};
}

void ClientTransaction::decide(std::size_t recipient, const Outcome& outcome) {
  if (fates_.at(recipient) == Fate::decided) return;
  fates_[recipient] = Fate::decided;
  outcomes_[recipient] = outcome;
}

void ClientTransaction::decide_open(const Outcome& outcome) {
  for (std::size_t i = 0; i < tried_; ++i) decide(i, outcome);
}

void ClientTransaction::abandon(const Outcome& outcome) {
  auto doubt = outcome;
  // FAULTS F42: after the end was sent and before its answer was read whole, nobody knows.
  if (end_sent_) doubt.kind = Outcome::Kind::unknown;
  for (const auto i : accepted()) decide(i, doubt);
  decide_open(outcome);
}

}  // namespace posthorn::smtp
