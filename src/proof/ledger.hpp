// Ledger: the independent book of a simulated run. The models enter what they saw with their own eyes: what a client was
// told, what arrived at a server or in a mailbox, which reports came back, when the power was cut. It never asks the
// server. check() compares all of it with the invariants (DESIGN.md, FAULTS.md); some are checked as entries come in.
#pragma once

#include "base/time.hpp"
#include "proof/plan.hpp"
#include "sim/loop.hpp"

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
  /// A server took a copy for these recipients. `doubtful`: the sender may not have heard so.
  void taken_elsewhere(std::string_view sender, const std::vector<std::string>& recipients, std::string_view text,
                       bool doubtful);
  /// An attempt was put off; another before `waits` is too soon. `at`: which host.
  void refused_elsewhere(std::string_view at, const std::string& recipient);
  void tried_elsewhere(std::string_view at, const std::string& recipient);
  /// A server said "never" to this recipient, or to a session that may have been for it.
  void cause_for_failure(const std::string& recipient);
  void cause_for_failure_of_domain(const std::string& domain);

  // ---- what users see ----
  void found_in_mailbox(std::string_view user, const std::string& name, std::string_view text);
  void deleted_by_user(const std::string& name) { deleted_.insert(name); }
  /// Every file that lies in the mailboxes when all is over.
  void lies_in_mailbox(const std::string& name) { left_.insert(name); }

  // ---- what happens to the server ----
  void server_died();
  void server_ended_in_order() { ended_at_.push_back(loop_.now()); }
  void trouble_ended() { healed_at_ = loop_.now(); }

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
    bool doubtful = false;
  };
  struct Recipient {
    bool taken = false;
    std::vector<Copy> copies;      // elsewhere
    std::set<std::string> files;   // here, by name without flags
    std::map<std::string, int> told;  // by action of the reports
    bool has_cause = false;
  };
  struct Entry {
    const PlannedLetter* letter = nullptr;
    std::string text;
    Answer answer = Answer::not_sent;
    unsigned code = 0;
    MonotonicTime begun{};
    MonotonicTime answered_at{};
    std::vector<Recipient> recipients;
  };
  struct Place {
    std::uint32_t token = 0;
    std::size_t recipient = 0;
  };

  [[nodiscard]] Entry& entry(std::uint32_t token) { return entries_.at(token - 1); }
  [[nodiscard]] const Entry& entry(std::uint32_t token) const { return entries_.at(token - 1); }
  [[nodiscard]] Recipient* find(const std::string& address, const PlannedLetter*& letter);
  void enter_report(std::string_view to, std::string_view text);
  [[nodiscard]] bool died_between(MonotonicTime from, MonotonicTime to) const;
  [[nodiscard]] bool may_be_unknown(const Copy& copy, MonotonicTime until) const;
  [[nodiscard]] bool has_cause(const std::string& address, const Recipient& recipient) const;
  void check_life(const PlannedLetter& letter, const std::string& address, const Recipient& recipient);

  void check_entry(const Entry& entry);
  void check_recipient(const Entry& entry, std::size_t place);
  void check_reports(const Entry& entry, std::size_t place);
  void check_copies(const Entry& entry, const PlannedRecipient& planned, const Recipient& recipient);
  [[nodiscard]] std::string name(const Entry& entry, std::size_t place) const;

  const Plan& plan_;
  const sim::Loop& loop_;
  std::vector<Entry> entries_;
  std::map<std::string, Place, std::less<>> places_;
  std::map<std::string, MonotonicTime> refused_at_;  // by host and recipient
  std::set<std::string> domains_with_cause_;
  std::set<std::string> deleted_;
  std::set<std::string> seen_;
  std::set<std::string> left_;
  std::set<std::string> reports_seen_;
  std::set<std::string> ids_;
  std::vector<MonotonicTime> died_at_;
  std::vector<MonotonicTime> ended_at_;
  std::optional<MonotonicTime> healed_at_;
  std::uint64_t copies_ = 0;
  std::uint64_t reports_ = 0;
  std::uint64_t reports_that_failed_ = 0;
  std::vector<Violation> violations_;
};

}  // namespace posthorn::proof
