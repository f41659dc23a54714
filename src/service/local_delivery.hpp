// LocalDelivery: carries out the attempts of the queue manager whose destination is a mailbox here. Attempts for one
// mailbox that wait at the same time make one batch (DESIGN.md, "Delivery"): written and synced in parallel on the workers,
// published in one go, one sync for all of their names. There is no wait for a batch to fill.
// A result is given only when the mail is durable. A mailbox that is broken or slow holds up its own mail, a few of the
// workers, and nothing else: each mailbox has one batch under way, and mailboxes take turns.
// Not here: who is local (rules/recipient_router), retries and bounces (the queue manager).
#pragma once

#include "mail/user_name.hpp"
#include "service/delivery.hpp"
#include "store/mailbox.hpp"
#include "world/log.hpp"
#include "world/loop.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"
#include "world/workers.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace posthorn::service {

struct LocalDeliverySettings {
  std::size_t batch = 64;                   ///< mails published together at most (one more attempt than fits, if it has several)
  std::size_t parallel_syncs = 8;           ///< jobs that write and sync the mails of one batch
  std::size_t mailboxes = 16;               ///< worked on at once
  std::uint64_t held_octets = 64U << 10;    ///< a text up to this is held in memory from the start of the attempt on
  /// Whose account a mailbox belongs to, where users are system users; an error defers. Empty: all belong to one.
  std::function<Result<std::optional<store::MailboxOwner>>(const mail::UserName&)> owner_of;
};

/// For metrics; counted since the start.
struct LocalDeliveryFacts {
  std::uint64_t batches = 0;
  std::uint64_t delivered = 0;
  std::uint64_t deferred = 0;
  std::uint64_t failed = 0;
  std::size_t mailboxes_busy = 0;
  std::size_t mailboxes_waiting = 0;
};

class LocalBatch;
struct Gathering;
struct Letter;

class LocalDelivery final : public Deliverer {
 public:
  /// As it uses the world; all outlive it.
  struct World {
    world::Loop& loop;  ///< the home loop
    world::Workers& workers;
    world::Log& log;
  };

  LocalDelivery(World world, store::MailboxFormat& mailboxes, LocalDeliverySettings settings);
  /// Only when no attempt is under way, or when the loop no longer runs.
  ~LocalDelivery() override;

  /// One attempt: each of its recipients gets a file of its own in the mailbox that attempt.destination names. A
  /// destination that is no user's name (the user is gone) fails with 5.1.1.
  [[nodiscard]] world::Task<AttemptResult> deliver(Attempt attempt) override;

  [[nodiscard]] LocalDeliveryFacts facts() const;

 private:
  /// The attempts that wait for one mailbox.
  struct Line {
    store::MailboxTarget target;
    std::deque<Letter*> letters{};
    bool in_turn = false;  ///< served now, or waiting for its turn
  };

  [[nodiscard]] world::Task<> carry(const mail::UserName& user, Letter& letter);
  [[nodiscard]] Result<store::MailboxTarget> find_target(const mail::UserName& user) const;
  [[nodiscard]] world::Task<Result<>> hold_text(Letter& letter);
  void join(const store::MailboxTarget& target, Letter& letter);
  void start_next();
  [[nodiscard]] world::Task<> serve(Line& line);
  void leave(Line& line);
  [[nodiscard]] std::vector<Letter*> take_batch(Line& line) const;

  [[nodiscard]] world::Task<> work(LocalBatch& batch);
  [[nodiscard]] world::Task<> write_all(LocalBatch& batch);
  [[nodiscard]] world::Task<> write_held(LocalBatch& batch, std::size_t first, std::size_t step,
                                         Gathering& gathering);
  [[nodiscard]] world::Task<> write_streamed(LocalBatch& batch, std::size_t index, Gathering& gathering);
  [[nodiscard]] world::Task<> on_worker(world::Callback job);
  void report(LocalBatch& batch);
  void count(const AttemptResult& result);

  World world_;
  store::MailboxFormat& mailboxes_;
  LocalDeliverySettings settings_;
  std::map<std::string, Line> lines_;
  std::deque<Line*> waiting_;
  std::size_t busy_ = 0;
  LocalDeliveryFacts facts_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
