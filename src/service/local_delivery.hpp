// LocalDelivery: carries out the attempts of the queue manager that end in files here: in users' mailboxes, or in hand-over
// folders; "mailbox" means either below. Attempts for one mailbox that wait at the same time make one batch (DESIGN.md, "Delivery"): written and synced in parallel on the workers,
// published in one go, one sync for all of their names. There is no wait for a batch to fill.
// A result is given only when the mail is durable. A mailbox that is broken or slow holds up its own mail, a few of the
// workers, and nothing else: each mailbox has one batch under way, and mailboxes take turns.
// Not here: who is local (rules/recipient_router), retries and bounces (the queue manager).
#pragma once

#include "service/delivery.hpp"
#include "service/local_delivery_places.hpp"
#include "world/log.hpp"
#include "world/loop.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"
#include "world/workers.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::service {

struct LocalDeliverySettings {
  std::size_t batch = 64;          ///< mails published together at most (one more attempt than fits, if it has several)
  std::size_t parallel_syncs = 8;  ///< jobs that write and sync the mails of one batch
  std::size_t mailboxes = 16;      ///< worked on at once
  std::uint64_t held_octets = 64U << 10;  ///< a text up to this is held in memory from the start of the attempt on
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

  LocalDelivery(World world, std::unique_ptr<LocalPlaces> places, LocalDeliverySettings settings);
  /// Into users' mailboxes that all belong to one account. `mailboxes` outlives it.
  LocalDelivery(World world, store::MailboxFormat& mailboxes, LocalDeliverySettings settings)
      : LocalDelivery(world, std::make_unique<UserMailboxes>(mailboxes), settings) {}
  /// Only when no attempt is under way, or when the loop no longer runs.
  ~LocalDelivery() override;

  /// One attempt into the mailbox that attempt.destination names. One that is not known (the user is gone) fails, 5.1.1.
  [[nodiscard]] world::Task<AttemptResult> deliver(Attempt attempt) override;

  [[nodiscard]] LocalDeliveryFacts facts() const;

 private:
  /// The attempts that wait for one mailbox.
  struct Line {
    std::string destination;
    std::deque<Letter*> letters{};
    bool in_turn = false;  ///< served now, or waiting for its turn
  };

  [[nodiscard]] world::Task<> carry(Letter& letter);
  [[nodiscard]] world::Task<Result<>> hold_text(Letter& letter);
  void join(Letter& letter);
  void start_next();
  [[nodiscard]] world::Task<> serve(Line& line);
  void leave(Line& line);
  [[nodiscard]] std::vector<Letter*> take_batch(Line& line) const;

  [[nodiscard]] world::Task<> work(LocalBatch& batch);
  [[nodiscard]] world::Task<> write_all(LocalBatch& batch);
  [[nodiscard]] world::Task<> write_held(LocalBatch& batch, std::size_t first, std::size_t step, Gathering& gathering);
  [[nodiscard]] world::Task<> write_streamed(LocalBatch& batch, std::size_t index, Gathering& gathering);
  [[nodiscard]] world::Task<> on_worker(world::Callback job);
  void report(LocalBatch& batch);
  void count(const AttemptResult& result);

  World world_;
  std::unique_ptr<LocalPlaces> places_;
  LocalDeliverySettings settings_;
  std::map<std::string, Line> lines_;
  std::deque<Line*> waiting_;
  std::size_t busy_ = 0;
  LocalDeliveryFacts facts_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
