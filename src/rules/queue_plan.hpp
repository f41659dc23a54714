// QueuePlan: the queue in memory, as a plan of what is tried when. It knows entries (one message towards one destination)
// by id and time, and nothing of their contents. It has no clock: the time goes in, next_wakeup() says when to ask again.
//
// What it guarantees:
//  - an entry is handed out at its time or later, never before, and to one taker at a time;
//  - no more than Settings::deliveries run at once, and no more to one destination than its window allows; one whose outcome
//    is being recorded no longer counts there (leave_room()). The window starts small, grows by one with each delivery that
//    worked while it was full, and is halved by trouble;
//  - destinations that have something to do take turns;
//  - a destination that could not be reached is tried by one entry at a time. When that one fails too, its failure is shared
//    (Work::shares_failure) by the entries that were due by then, and by those whose slack reaches back to it: they are
//    deferred by their own schedules without a connection of their own. A thousand messages make one attempt, and none waits
//    past its own time;
//  - every operation is O(log n) in entries and destinations.
//
// How a driver uses it, on every event (an entry added, a delivery finished, the timer):
//   while (auto gone = plan.take_expired(now)) bounce(*gone);            // then plan.finish(…)
//   while (auto work = plan.take(now)) start(*work);                     // later plan.finish(…) or plan.defer(…)
//   set_timer(plan.next_wakeup());
// A driver that has a connection open asks take_more() for another message to the same destination. One that learns by an MX
// lookup that the destination is known by another key calls reassign().
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "rules/indexed_heap.hpp"

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::rules {

/// One message towards one destination. `group` tells the destinations of a message apart; the driver numbers them.
struct EntryId {
  MessageId message;
  std::uint32_t group = 0;

  auto operator<=>(const EntryId&) const = default;
};

/// What an attempt showed about the destination, whatever became of the message.
enum class Health : std::uint8_t {
  worked,     ///< it took mail
  answered,   ///< it answered, and refused this message or these recipients
  throttled,  ///< it said that it is busy, or broke off
  turned_away,  ///< none of its hosts would start a session now: too busy for us where others are with it, else as good as dead
  unreachable,  ///< none of its hosts could be reached
  not_tried,    ///< nothing was learned
};

class QueuePlan {
 public:
  struct Settings {
    std::uint32_t deliveries = 500;  ///< at once, in all
    std::uint32_t first_window = 5;  ///< deliveries at once to a destination nothing is known of
    std::uint32_t largest_window = 20;
    std::uint32_t failures_until_dead = 2;           ///< attempts in a row that could not reach it
    std::uint32_t messages_per_turn = 10;            ///< on one connection, while other destinations wait for a place
    std::uint32_t remembered_destinations = 10'000;  ///< that have no entry; the oldest are forgotten
  };

  struct Work {
    EntryId entry;
    std::string destination;
    bool shares_failure = false;  ///< do not connect: record the destination's last failure for it and defer it

    bool operator==(const Work&) const = default;
  };

  enum class State : std::uint8_t {
    waiting,   ///< for its time, or its turn
    running,   ///< handed out
    expiring,  ///< no more attempts: given up at its time
    held,      ///< until an operator releases it
  };

  struct EntryFacts {
    State state = State::waiting;
    MonotonicTime due{};
    std::string_view destination;                ///< valid until the plan changes
    MonotonicTime since = MonotonicTime::min();  ///< when it last came, or came back; set_since()
  };

  struct DestinationFacts {
    std::uint32_t window = 0;
    std::uint32_t running = 0;
    std::size_t waiting = 0;
    bool is_dead = false;
  };

  struct BusyDestination {
    std::string key;
    DestinationFacts facts;
  };

  explicit QueuePlan(const Settings& settings) : settings_(settings) {}
  QueuePlan(const QueuePlan&) = delete;
  QueuePlan& operator=(const QueuePlan&) = delete;

  /// A new entry, to be tried at `due`. A failure of its dead destination counts as its attempt when it is not older than
  /// `slack` then: as a rule the part of its wait that chance has added. An id that is there already is a bug.
  void add(EntryId id, std::string_view destination, MonotonicTime due, Duration slack = Duration::zero());
  /// A new entry that an operator had put on hold before a restart.
  void add_held(EntryId id, std::string_view destination);
  /// A new entry that will not be tried again: given up at `when`.
  void add_expiring(EntryId id, std::string_view destination, MonotonicTime when);

  /// Since when it has been as it is: an attempt that ends sets it as well. MonotonicTime::min(): nothing is known.
  void set_since(EntryId id, MonotonicTime since);

  /// The next entry to be tried now, or none. It is running from then on.
  [[nodiscard]] std::optional<Work> take(MonotonicTime now);
  /// Another entry for this destination, for a connection that has carried `carried` messages; none if there is none due or
  /// it is the turn of others. Call finish() or defer() for the message before first.
  [[nodiscard]] std::optional<Work> take_more(std::string_view destination, MonotonicTime now, std::uint32_t carried);
  /// An entry whose life is over, or none. It is running from then on, and counts as a delivery: a whole queue that expires
  /// at once is reported bit by bit (FAULTS F53). None while paused.
  [[nodiscard]] std::optional<EntryId> take_expired(MonotonicTime now);

  /// The running entry belongs to this destination. True: go on. False: that destination has no room, the entry waits there
  /// for its turn and is no longer running.
  [[nodiscard]] bool reassign(EntryId id, std::string_view destination);

  /// The attempt of a running entry is over and what came of it is being recorded: its place at the destination is free for
  /// the next, while it goes on to count among `deliveries`. finish() or defer() follows, whose health counts no more.
  void leave_room(EntryId id, Health health, MonotonicTime now);
  /// The end of a running entry: it is forgotten.
  void finish(EntryId id, Health health, MonotonicTime now);
  /// A running entry is to be tried again at `due`, with `slack` as in add(). False: an operator removed it meanwhile, it is
  /// forgotten.
  [[nodiscard]] bool defer(EntryId id, Health health, MonotonicTime now, MonotonicTime due,
                           Duration slack = Duration::zero());
  /// A running entry gets no more attempts and is given up at `when`. False: as with defer().
  [[nodiscard]] bool defer_until_expiry(EntryId id, Health health, MonotonicTime now, MonotonicTime when);

  // The operator's hands. What is asked of a running entry happens when its attempt ends. False: there is no such entry.

  bool hold(EntryId id);
  /// Only what is held; it is tried at `due`.
  bool release(EntryId id, MonotonicTime due);
  /// Tried at `due`, also when it was to get no more attempts; what is held or running stays so.
  bool retry(EntryId id, MonotonicTime due);
  bool remove(EntryId id);
  /// No more attempts, whether held or not: take_expired() hands it out from `when` on.
  bool expire(EntryId id, MonotonicTime when);
  /// True: take() and take_expired() hand out nothing.
  void pause(bool paused) { paused_ = paused; }
  /// For what is handed out from now on; a window that is too large shrinks. Linear in the destinations.
  void change(const Settings& settings);

  /// When take() or take_expired() may have something, if nothing else happens before: a time gone by means now.
  [[nodiscard]] MonotonicTime next_wakeup() const;

  [[nodiscard]] std::optional<EntryFacts> find(EntryId id) const;
  [[nodiscard]] std::optional<DestinationFacts> find_destination(std::string_view destination) const;
  /// Those with the most entries waiting, the first first; linear in the destinations.
  [[nodiscard]] std::vector<BusyDestination> busiest(std::size_t most) const;
  [[nodiscard]] std::vector<EntryId> entries_of(MessageId message) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t destinations() const { return destinations_.size(); }
  [[nodiscard]] std::uint32_t running() const { return running_; }
  [[nodiscard]] bool is_paused() const { return paused_; }
  /// Comparisons made in all heaps so far: how the cost grows.
  [[nodiscard]] std::uint64_t comparisons() const;
  /// What one waiting entry costs in memory.
  [[nodiscard]] static std::size_t octets_per_entry();

 private:
  struct Destination;

  struct Entry {
    const EntryId* id = nullptr;  // the key of its node
    MonotonicTime due{};
    MonotonicTime since = MonotonicTime::min();
    Duration slack{};
    Destination* destination = nullptr;
    std::uint32_t place = ~0U;  // in its destination's heap, or in expiring_
    State state = State::waiting;
    bool takes_room = false;  // running, and counted in the destination's window
    bool hold_asked = false;  // by an operator, while it was running
    bool expiry_asked = false;
    bool remove_asked = false;
  };
  struct EntryBefore {
    bool operator()(const Entry& a, const Entry& b) const { return a.due != b.due ? a.due < b.due : *a.id < *b.id; }
  };
  using EntryHeap = IndexedHeap<Entry, &Entry::place, EntryBefore>;
  using Line = std::list<Destination*>;

  struct Destination {
    enum class Seat : std::uint8_t { none, ready, idle };

    std::string_view key;  // of its node
    std::uint64_t serial = 0;
    EntryHeap waiting{};
    std::uint32_t members = 0;  // entries in any state
    std::uint32_t running = 0;
    std::uint32_t window = 0;
    std::uint32_t failures = 0;                      // attempts in a row that did not reach it
    MonotonicTime failed_at = MonotonicTime::min();  // while it is dead
    MonotonicTime wakes_at{};                        // its place in sleeping_ goes by it
    std::uint32_t place = ~0U;                       // in sleeping_
    Seat seat = Seat::none;
    Line::iterator at{};  // in ready_ or idle_
  };
  struct DestinationBefore {
    bool operator()(const Destination& a, const Destination& b) const {
      return a.wakes_at != b.wakes_at ? a.wakes_at < b.wakes_at : a.serial < b.serial;
    }
  };

  Entry& insert(EntryId id, std::string_view destination, MonotonicTime when);
  Entry* entry(EntryId id);
  Entry& running_entry(EntryId id);
  void wait(Entry& entry, MonotonicTime due, Duration slack = Duration::zero());
  void wait_for_expiry(Entry& entry, MonotonicTime when);
  void leave_heap(Entry& entry);
  void erase(Entry& entry);
  bool leave_running(Entry& entry);
  void end_attempt(Entry& entry, Health health, MonotonicTime now);

  Destination& join(std::string_view key);
  void part(Destination& destination);
  void learn(Destination& destination, Health health, MonotonicTime now);
  void settle(Destination& destination);
  void sit(Destination& destination, Destination::Seat seat);
  void forget(Destination& destination);
  [[nodiscard]] std::uint32_t first_window() const { return settings_.first_window > 0 ? settings_.first_window : 1; }
  [[nodiscard]] Line& line(Destination::Seat seat) { return seat == Destination::Seat::ready ? ready_ : idle_; }
  [[nodiscard]] bool is_dead(const Destination& d) const { return d.failures >= settings_.failures_until_dead; }
  [[nodiscard]] bool has_room(const Destination& d) const { return d.running < (is_dead(d) ? 1 : d.window); }
  [[nodiscard]] bool shares_failure(const Destination& d, const Entry& e) const {
    return is_dead(d) && e.due - e.slack <= d.failed_at;
  }
  [[nodiscard]] bool can_start(const Destination& destination, MonotonicTime now) const;
  void wake(MonotonicTime now);
  Work start(Destination& destination);

  Settings settings_;
  std::map<EntryId, Entry> entries_;
  std::map<std::string, Destination, std::less<>> destinations_;
  EntryHeap expiring_;
  IndexedHeap<Destination, &Destination::place, DestinationBefore> sleeping_;  // have room, and something for later
  Line ready_;  // have, or had, something due and room for it: in turn
  Line idle_;   // have no entry, and something was learned of them: oldest first
  std::uint32_t running_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t comparisons_ = 0;  // of destinations that are gone
  bool paused_ = false;
};

}  // namespace posthorn::rules
