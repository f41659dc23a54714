// Ledger: the independent book of a simulated run. The models enter what they saw with their own eyes: what a client was
// told, what arrived at a server or in a mailbox, which reports came back, when the power was cut. It never asks the
// server. check() compares all of it with the invariants (DESIGN.md, FAULTS.md); some are checked as entries come in.
#pragma once

#include "base/time.hpp"
#include "proof/plan.hpp"
#include "sim/loop.hpp"
#include "world/log.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::proof {

/// What the client knows of a letter in the end.
enum class Answer : std::uint8_t {
  not_sent,  ///< its end was never sent, or nobody was to get it: it must not arrive
  refused,   ///< 4yz or 5yz after the end of the data
  unknown,   ///< the connection was lost after the end was sent
  accepted,  ///< 250
};

struct Violation {
  std::string invariant;  ///< "I1"
  std::string what;
};

class Ledger {
 public:
  Ledger(const Plan& plan, const sim::Loop& loop);

  // ---- what clients see ----
  /// The server said yes to this recipient. True: it should have said no.
  void recipient_taken(std::uint32_t token, std::size_t place);
  void recipient_refused(std::uint32_t token, std::size_t place);
  void end_sent(std::uint32_t token);
  void answered(std::uint32_t token, unsigned code, const std::string& reply);
  [[nodiscard]] const std::string& text(std::uint32_t token) const { return entry(token).text; }
  [[nodiscard]] const PlannedLetter& letter(std::uint32_t token) const { return *entry(token).letter; }

  // ---- what receiving servers see ----
  /// What a server took: for whom, and over a connection that began when; octets may be on their way when their sender dies.
  struct Arrival {
    std::string_view sender;
    const std::vector<std::string>& recipients;
    std::string_view text;
    MonotonicTime connected{};
    bool doubtful = false;  ///< the sender may not have heard that it was taken
  };
  void taken_elsewhere(const Arrival& arrival);
  /// An attempt was put off; another before `waits` is too soon. `at`: which host.
  void refused_elsewhere(std::string_view at, const std::string& recipient, MonotonicTime connected);
  /// The connection broke: the sender may not know that it was put off.
  void refusal_is_unheard(std::string_view at, const std::string& recipient);
  void tried_elsewhere(std::string_view at, const std::string& recipient, MonotonicTime connected);
  /// A server said "never" to this recipient, or to a session that may have been for it.
  void cause_for_failure(const std::string& recipient);
  void cause_for_failure_of_domain(const std::string& domain);

  /// DNS named this set of hosts for a domain. Each set is a destination with a limit of its own, also where sets share hosts.
  void hosts_were_named(const std::string& domain, std::string hosts) { host_sets_[domain].insert(std::move(hosts)); }
  /// At one host of the domain.
  [[nodiscard]] std::size_t most_transactions(const std::string& domain) const;

  // ---- what users see ----
  /// Names of files are without flags.
  [[nodiscard]] bool has_seen(std::string_view name) const { return seen_.contains(name); }
  /// A file that was not seen before.
  void found_in_mailbox(std::string_view user, std::string_view name, std::string_view text);
  void deleted_by_user(std::string_view name) { deleted_.emplace(name); }
  /// Every file that lies in the mailboxes when all is over.
  void lies_in_mailbox(std::string_view name) { left_.emplace(name); }

  // ---- what happens to the server ----
  void server_died();
  void server_ended_in_order() { ended_at_.push_back(loop_.now()); }
  /// An octet of its spool changed on the disk, or a start could not read it: then mail may be lost or doubled, but never
  /// without an alarm.
  void spool_rotted() { is_rotten_ = true; }
  [[nodiscard]] bool is_rotten() const { return is_rotten_; }
  [[nodiscard]] std::uint64_t alarms() const { return alarms_; }
  /// What the server says itself: it must have counted each doubt, and name each end once (I3, I21).
  void server_logged(const world::LogRecord& record);

  // ---- what an operator does ----
  [[nodiscard]] bool knows(const std::string& recipient) const { return places_.contains(recipient); }
  /// From now on it may have effect.
  void operator_asks(Order order, const std::string& recipient);
  /// It has: the server said so. `was_running`: an attempt was under way, and may end as it likes.
  void operator_was_answered(Order order, const std::string& recipient, bool was_running);

  void violate(std::string invariant, std::string what);
  [[nodiscard]] const std::vector<Violation>& violations() const { return violations_; }
  /// When all is over and the queue is empty.
  void check();

  [[nodiscard]] std::size_t accepted() const;
  [[nodiscard]] std::uint64_t copies() const { return copies_; }
  [[nodiscard]] std::uint64_t reports() const { return reports_; }

 private:
  struct Copy {
    MonotonicTime at;
    MonotonicTime connected;
    bool doubtful = false;
  };
  struct Recipient {
    bool taken = false;
    std::vector<Copy> copies;         // elsewhere
    std::set<std::string> files;      // here, by name without flags
    std::map<std::string, int> told;  // by action of the reports
    bool has_cause = false;
    bool may_be_removed = false;                // by an operator
    bool is_hurried = false;                    // by an operator: no back-off holds
    std::optional<MonotonicTime> removed_at{};  // for sure
    std::optional<MonotonicTime> held_since{};  // for sure
    std::uint64_t doubts = 0;                   // that the server logged
    std::uint64_t ends = 0;                     // likewise
  };
  struct Entry {
    const PlannedLetter* letter = nullptr;
    std::string text;
    std::string expected;  // to arrive
    Answer answer = Answer::not_sent;
    unsigned code = 0;
    MonotonicTime begun{};
    MonotonicTime answered_at{};
    std::string id{};  // as the server named it
    std::vector<Recipient> recipients;
  };
  struct Place {
    std::uint32_t token = 0;
    std::size_t recipient = 0;
  };

  [[nodiscard]] Entry& entry(std::uint32_t token) { return entries_.at(token - 1); }
  [[nodiscard]] const Entry& entry(std::uint32_t token) const { return entries_.at(token - 1); }
  [[nodiscard]] Recipient* find(const std::string& address, const PlannedLetter*& letter);
  [[nodiscard]] Recipient* find(const std::string& address);
  /// What was lost or doubled may be the disk's fault, and was reported as such.
  [[nodiscard]] bool is_excused() const { return is_rotten_ && alarms_ > 0; }
  void check_log(const Entry& entry, std::size_t place);
  void enter_report(std::string_view to, std::string_view text);
  [[nodiscard]] Duration drift_in(Duration time) const;
  [[nodiscard]] bool died_between(MonotonicTime from, MonotonicTime to) const;
  [[nodiscard]] bool may_be_unknown(const Copy& copy, MonotonicTime until) const;
  [[nodiscard]] bool has_cause(const std::string& address, const Recipient& recipient) const;
  void check_life(const PlannedLetter& letter, const std::string& address, const Recipient& recipient);

  [[nodiscard]] bool is_gone(const Entry& letter, std::size_t place) const;
  [[nodiscard]] bool has_failed_report(const Entry& letter) const;
  void check_entry(const Entry& entry);
  void check_recipient(const Entry& entry, std::size_t place);
  void check_reports(const Entry& entry, std::size_t place);
  void check_copies(const Entry& entry, const PlannedRecipient& planned, const Recipient& recipient);
  [[nodiscard]] std::string name(const Entry& entry, std::size_t place) const;

  const Plan& plan_;
  const sim::Loop& loop_;
  std::vector<Entry> entries_;
  std::map<std::string, Place, std::less<>> places_;
  struct Refusal {
    MonotonicTime at;
    MonotonicTime connected;
  };
  std::map<std::string, Refusal> refused_at_;  // by host and recipient
  std::set<std::string> domains_with_cause_;
  std::map<std::string, std::set<std::string>> host_sets_;  // by domain
  std::set<std::string, std::less<>> deleted_;              // names of files in mailboxes
  std::set<std::string, std::less<>> seen_;
  std::set<std::string, std::less<>> left_;
  std::set<std::string> reports_seen_;
  std::set<std::string> ids_;
  std::vector<MonotonicTime> died_at_;
  std::vector<MonotonicTime> ended_at_;
  std::map<std::string, std::uint64_t, std::less<>> repeats_;                   // by id: "may be a repeat" in the log
  std::map<std::string, std::vector<std::string>, std::less<>> reports_about_;  // ids by id, as the log says
  std::set<std::string, std::less<>> mailbox_failures_;                         // ids
  std::uint64_t alarms_ = 0;                                                    // about damage
  bool is_rotten_ = false;
  std::uint64_t copies_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t reports_that_failed_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace posthorn::proof
