// ClientTransaction: one message on its way to one server: who of its recipients is tried, accepted, decided. It keeps
// each recipient's first decision. The session tells it what was answered; it speaks no protocol itself.
#pragma once

#include "smtp/client_effect.hpp"
#include "smtp/reply_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::smtp {

/// What a refusal means: by its first digit, which is 4 or 5 (RFC 5321 §4.2.1). The status is the reply's own, or x.0.0.
[[nodiscard]] Outcome refusal(Step step, const PeerReply& reply);

class ClientTransaction {
 public:
  /// The first `tried` recipients are tried; the others stay untried.
  ClientTransaction(ClientMessage message, std::size_t tried);

  [[nodiscard]] const ClientMessage& message() const { return message_; }
  /// How many RCPT commands there will be.
  [[nodiscard]] std::size_t tried() const { return tried_; }
  /// The recipients whose RCPT was accepted and whose fate is open, in order.
  [[nodiscard]] std::vector<std::size_t> accepted() const;
  [[nodiscard]] bool has_accepted() const;

  /// The server said something about this transaction.
  void note_answer() { answered_ = true; }
  [[nodiscard]] bool was_answered() const { return answered_; }
  /// The last octet of the message is on its way, or is not any more.
  void set_end_sent(bool sent) { end_sent_ = sent; }
  [[nodiscard]] bool end_was_sent() const { return end_sent_; }

  void accept(std::size_t recipient, const PeerReply& reply);
  void decide(std::size_t recipient, const Outcome& outcome);
  /// Decides for all that are tried and open.
  void decide_open(const Outcome& outcome);
  /// The connection or the session ended: what was accepted before a complete end of the message is in doubt, the rest gets
  /// `outcome`.
  void abandon(const Outcome& outcome);

  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcomes_; }
  [[nodiscard]] std::vector<Outcome> take_outcomes() { return std::move(outcomes_); }

 private:
  enum class Fate : std::uint8_t { open, accepted, decided };

  ClientMessage message_;
  std::size_t tried_;
  std::vector<Fate> fates_;
  std::vector<Outcome> outcomes_;
  bool answered_ = false;
  bool end_sent_ = false;
};

}  // namespace posthorn::smtp
