// Intake: one message on its way from a reception (or a report of our own) into the spool. Octets are scanned as they
// come; up to a bound they stay in memory, a longer body flows into a body file of the spool. The message is accepted
// only when the spool has it durably (invariant 1); an intake that is dropped leaves nothing behind.
// It decides nothing about who may send where; the recipients it is given at the end are the final ones.
#pragma once

#include "base/message_id.hpp"
#include "mail/envelope.hpp"
#include "mail/message_scanner.hpp"
#include "mail/submission_header.hpp"
#include "service/delivery_names.hpp"
#include "service/groups.hpp"
#include "service/policy.hpp"
#include "service/traffic.hpp"
#include "smtp/reply.hpp"
#include "store/spool.hpp"
#include "world/log.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

/// What every intake of a loop works with. All outlive it.
struct IntakeWorld {
  world::Loop& loop;
  store::Spool& spool;
  world::Log& log;
  DeliveryNames& names;
  const Routes& routes;
  /// Told of each message that has become durable, and of its groups. Called on the loop.
  std::function<void(MessageId, std::vector<Group>)> accepted;
  Traffic& traffic;
};

/// What an accepted message is stored with.
struct IntakeEnvelope {
  mail::Envelope envelope;  ///< final recipients, at least one
  store::Origin origin;
  std::string head;                           ///< the trace field
  std::vector<store::RecipientState> states;  ///< empty: all are queued
  std::optional<store::Settlement> settles;   ///< becomes durable with the message, both or neither
};

class Intake {
 public:
  Intake(IntakeWorld& world, const ReceptionPolicy& policy);

  /// The message is from one of our users (RFC 6409): Bcc goes, missing Date and Message-ID come. Before the first octet.
  void expect_submission() { submission_.emplace(); }
  /// None: it is not.
  [[nodiscard]] const mail::SubmissionHeader* submission() const { return submission_ ? &*submission_ : nullptr; }

  [[nodiscard]] MessageId id() const { return id_; }

  /// Takes octets if that needs no waiting; false: call append() with the same octets.
  [[nodiscard]] bool take(std::string_view octets);
  /// Takes octets that take() did not. An error (no_space, io, …) ends the intake: reply_for() tells how.
  [[nodiscard]] world::Task<Result<>> append(std::string_view octets);

  /// Ends the text. A refusal: what is wrong with it as a whole.
  [[nodiscard]] std::optional<smtp::Reply> end_of_text();
  [[nodiscard]] const mail::MessageScanner& scanner() const { return scanner_; }

  /// Makes the message durable. The reply to its end of data: 250 with the id, or 4yz. Once, after end_of_text().
  [[nodiscard]] world::Task<smtp::Reply> commit(IntakeEnvelope last);

 private:
  /// What of these octets is stored.
  [[nodiscard]] std::string_view passed(std::string_view octets) {
    scanner_.feed(octets);
    return submission_ ? submission_->feed(octets) : octets;
  }
  [[nodiscard]] world::Task<Result<>> flow_into_file();
  [[nodiscard]] world::Task<Result<>> store(IntakeEnvelope last);

  IntakeWorld& world_;
  std::size_t inline_octets_;
  Duration commit_timeout_;
  std::string_view hostname_;  // the policy's, which outlives us
  MessageId id_;
  mail::MessageScanner scanner_;
  std::optional<mail::SubmissionHeader> submission_;
  std::string tail_;  // what the submission's header held back to the end
  std::string text_;
  std::optional<store::BodyWriter> body_;
};

/// The reply for a failure to store: 452 4.3.1 when space is out, else 451 4.3.0.
[[nodiscard]] smtp::Reply reply_for(const Error& error);

}  // namespace posthorn::service
