// RedirectingDelivery: stands before local delivery where users may redirect their mail ([mailbox] forward_file). What a user's
// file names gets the message as a message of its own: the same sender and text, Delivered-To and Received on top, so that a
// circle is found (RFC 9228, RFC 5321 §6.3) and each has an outcome of its own. That the recipient's mail has gone on becomes
// durable in the same record as the new message: both or neither. A copy that the user keeps is delivered first.
// A file that does not count, or names nobody, leaves the mail in the mailbox, and the log says why.
// On the home loop.
#pragma once

#include "service/delivery.hpp"
#include "service/forward_source.hpp"
#include "service/gatekeeper.hpp"
#include "service/intake.hpp"
#include "world/workers.hpp"

#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

class RedirectingDelivery final : public Deliverer {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;
    world::Workers& workers;
    world::Log& log;
    IntakeWorld& intake;
    const Gatekeeper& gatekeeper;
    const Snapshot<Policy>& policy;
    const DirectorySource& directory;
  };

  /// `mailboxes`: where mail goes that is not redirected; outlives it too.
  RedirectingDelivery(World world, ForwardSource source, Deliverer& mailboxes);

  [[nodiscard]] world::Task<AttemptResult> deliver(Attempt attempt) override;

 private:
  /// None: the mail goes into the mailbox. An error: try again later.
  [[nodiscard]] world::Task<Result<std::optional<store::Forward>>> find_forward(std::string user);
  [[nodiscard]] world::Task<AttemptResult> redirect(Attempt attempt, store::Forward forward);
  /// Takes out of the attempt whom the message has been delivered to before.
  [[nodiscard]] world::Task<Result<std::vector<RecipientResult>>> take_out_loops(Attempt& attempt);
  /// Fills the intake; the refusal of the text as a whole, or nothing.
  [[nodiscard]] world::Task<Result<std::optional<smtp::Reply>>> copy_text(MessageId from, Intake& intake);
  [[nodiscard]] world::Task<std::vector<RecipientResult>> send_on(store::StoredMessage message,
                                                                  std::vector<std::uint32_t> recipients,
                                                                  const store::Forward& forward);
  [[nodiscard]] std::vector<mail::Recipient> targets(const mail::Recipient& recipient,
                                                     const store::Forward& forward) const;
  [[nodiscard]] IntakeEnvelope envelope_for(const store::StoredMessage& message,
                                            const std::vector<std::uint32_t>& recipients, const store::Forward& forward,
                                            MessageId id) const;

  World world_;
  ForwardSource source_;
  Deliverer& mailboxes_;
};

}  // namespace posthorn::service
