#include "proof/ledger.hpp"

#include "proof/letter_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

/// The name that the server gave: the last word of its reply.
std::string id_in(std::string_view reply) { return std::string(reply.substr(reply.rfind(' ') + 1)); }

bool tells_failure(Notify notify) { return notify != Notify::never; }

}  // namespace

Ledger::Ledger(const Plan& plan, const sim::Loop& loop) : plan_(plan), loop_(loop), is_rotten_(plan.starts_badly) {
  for (const auto& letter : plan.letters) {
    auto text = text_of(letter, plan);
    auto expected = expected_text_of(letter, text);
    entries_.push_back({.letter = &letter, .text = std::move(text), .expected = std::move(expected)});
    entries_.back().recipients.resize(letter.recipients.size());
    for (std::size_t place = 0; place < letter.recipients.size(); ++place) {
      places_[letter.recipients[place].address] = {letter.token, place};
    }
  }
}

void Ledger::violate(std::string invariant, std::string what) {
  violations_.push_back({std::move(invariant), std::move(what)});
}

std::string Ledger::name(const Entry& entry, std::size_t place) const {
  return fmt::format("letter {} to {}", entry.letter->token, entry.letter->recipients[place].address);
}

// ---- clients ----

void Ledger::recipient_taken(std::uint32_t token, std::size_t place) {
  auto& letter = entry(token);
  letter.recipients[place].taken = true;
  if (!letter.letter->recipients[place].is_good) violate("I7", name(letter, place) + " was taken and must not be");
}

void Ledger::recipient_refused(std::uint32_t token, std::size_t place) { entry(token).recipients[place].taken = false; }

void Ledger::end_sent(std::uint32_t token) {
  entry(token).answer = Answer::unknown;
  entry(token).begun = loop_.now();
}

void Ledger::answered(std::uint32_t token, unsigned code, const std::string& reply) {
  if (code == 250 && !ids_.insert(reply).second) violate("I20", "two letters were named alike: " + reply);
  auto& letter = entry(token);
  letter.answer = code == 250 ? Answer::accepted : Answer::refused;
  letter.code = code;
  letter.answered_at = loop_.now();
  letter.id = id_in(reply);
  if (code == 250 && letter.letter->flaw != Flaw::none && letter.letter->flaw != Flaw::wrong_order) {
    violate("I4", fmt::format("letter {} was accepted with flaw {}", token, static_cast<int>(letter.letter->flaw)));
  }
}

std::size_t Ledger::accepted() const {
  return static_cast<std::size_t>(std::ranges::count(entries_, Answer::accepted, &Entry::answer));
}

// ---- other servers ----

Ledger::Recipient* Ledger::find(const std::string& address) {
  const PlannedLetter* letter = nullptr;
  return find(address, letter);
}

Ledger::Recipient* Ledger::find(const std::string& address, const PlannedLetter*& letter) {
  const auto found = places_.find(address);
  if (found == places_.end()) return nullptr;
  auto& where = entry(found->second.token);
  letter = where.letter;
  return &where.recipients[found->second.recipient];
}

void Ledger::taken_elsewhere(const Arrival& arrival) {
  const auto& [sender, recipients, text, connected, doubtful] = arrival;
  const auto arrived = read_text(text);
  for (const auto& address : recipients) {
    const PlannedLetter* letter = nullptr;
    auto* recipient = find(address, letter);
    if (arrived.is_report) {
      if (!sender.empty()) violate("I9", fmt::format("a report came from <{}> to {}", sender, address));
      enter_report(address, text);
    } else if (recipient == nullptr || arrived.token != letter->token) {
      violate("I6", fmt::format("a server was sent something for {} that was not written to it", address));
    } else {
      if (letter->door == Door::mx)
        violate("I7", fmt::format("letter {} was relayed from a stranger to {}", letter->token, address));
      if (sender != letter->sender) violate("I6", fmt::format("letter {} came from <{}>", letter->token, sender));
      if (const auto wrong = alteration(text, *letter, entry(letter->token).expected, Arrived::at_server)) {
        violate("I5", fmt::format("letter {} to {}: {}", letter->token, address, *wrong));
      }
      recipient->copies.push_back({loop_.now(), connected, doubtful});
      ++copies_;
    }
  }
}

void Ledger::refused_elsewhere(std::string_view at, const std::string& recipient, MonotonicTime connected) {
  refused_at_[fmt::format("{} {}", at, recipient)] = {loop_.now(), connected};
}

void Ledger::tried_elsewhere(std::string_view at, const std::string& recipient, MonotonicTime connected) {
  // Reports go to the same senders again and again: only letters name their recipients once.
  const auto* known = find(recipient);
  if (known == nullptr || is_excused() || died_between(connected, loop_.now())) return;
  if (known->removed_at) violate("I1", recipient + " was offered although an operator had removed it");
  if (known->held_since) violate("I12", recipient + " was offered although an operator holds it");
  if (known->is_hurried) return;
  const auto found = refused_at_.find(fmt::format("{} {}", at, recipient));
  if (found == refused_at_.end() || died_between(found->second.connected, loop_.now())) return;
  const auto waited = loop_.now() - found->second.at;
  // A reply takes its time to arrive, and so does the next attempt: only the latter counts against us.
  if (waited + 1s + drift_in(waited) < plan_.waits.front()) {
    violate("I12", fmt::format("{} was tried again at {} after {}", recipient, at, to_text(waited)));
  }
}

void Ledger::refusal_is_unheard(std::string_view at, const std::string& recipient) {
  refused_at_.erase(fmt::format("{} {}", at, recipient));
}

void Ledger::cause_for_failure(const std::string& recipient) {
  const PlannedLetter* letter = nullptr;
  if (auto* found = find(recipient, letter)) found->has_cause = true;
}

void Ledger::cause_for_failure_of_domain(const std::string& domain) { domains_with_cause_.insert(domain); }

std::size_t Ledger::most_transactions(const std::string& domain) const {
  const auto sets = host_sets_.find(domain);
  return plan_.window * (sets == host_sets_.end() ? 1 : sets->second.size());
}

// ---- users ----

void Ledger::found_in_mailbox(std::string_view user, std::string_view name, std::string_view text) {
  seen_.emplace(name);
  const auto arrived = read_text(text);
  if (arrived.is_report) {
    if (!arrived.envelope_from.empty()) violate("I9", "a report came from <" + arrived.envelope_from + ">");
    enter_report(arrived.delivered_to, text);
    return;
  }
  const PlannedLetter* letter = nullptr;
  auto* recipient = find(arrived.delivered_to, letter);
  if (recipient == nullptr || letter->token != arrived.token || !arrived.delivered_to.starts_with(user)) {
    violate("I6", fmt::format("{} has mail for <{}> with token {}", user, arrived.delivered_to, arrived.token));
    return;
  }
  recipient->files.emplace(name);
  ++copies_;
  if (arrived.envelope_from != letter->sender)
    violate("I6", fmt::format("letter {} came from <{}>", letter->token, arrived.envelope_from));
  if (const auto wrong = alteration(text, *letter, entry(letter->token).expected, Arrived::in_mailbox)) {
    violate("I5", fmt::format("letter {} to {}: {}", letter->token, arrived.delivered_to, *wrong));
  }
}

void Ledger::enter_report(std::string_view to, std::string_view text) {
  const auto report = read_text(text);
  // A report may come twice as any mail may, where the connection was lost after its end.
  if (!reports_seen_.insert(report.report_id).second) return;
  ++reports_;
  for (const auto& fate : report.fates) {
    const PlannedLetter* letter = nullptr;
    auto* recipient = find(fate.recipient, letter);
    if (recipient == nullptr) {
      // The postmaster hears of a report that could not be delivered.
      if (fate.action == "failed") ++reports_that_failed_;
      continue;
    }
    if (letter->sender.empty() ? !to.starts_with("postmaster@") : to != letter->sender) {
      violate("I9", fmt::format("a report about letter {} went to {}", letter->token, to));
    }
    ++recipient->told[fate.action];
    if (fate.action == "failed") check_life(*letter, fate.recipient, *recipient);
  }
}

// ---- the server ----

void Ledger::server_died() { died_at_.push_back(loop_.now()); }

/// Whether the sender may not know that this copy was taken: it was not told, or it died before what it was told could be
/// durable. That takes as long as the disk fails.
bool Ledger::may_be_unknown(const Copy& copy, MonotonicTime until) const {
  const auto& odds = plan_.disk.odds;
  const bool disk_fails = odds.write_error != 0 || odds.sync_error != 0 || odds.no_space != 0 || odds.slow != 0 ||
                          odds.too_many_files != 0 || odds.name_error != 0 || odds.read_error != 0;
  const auto last = disk_fails ? until : std::min(until, after(copy.at, 90s));
  return copy.doubtful || died_between(copy.connected, last);
}

/// Whether anything but the end of its life let it fail.
bool Ledger::has_cause(const std::string& address, const Recipient& recipient) const {
  const auto domain = address.substr(address.rfind('@') + 1);
  return recipient.has_cause || domains_with_cause_.contains(domain) || domain == "nowhere.example" ||
         domain == "null.example";
}

/// I11: without a cause nothing fails before its life is over.
void Ledger::check_life(const PlannedLetter& letter, const std::string& address, const Recipient& recipient) {
  const auto& sent = entry(letter.token);
  if (has_cause(address, recipient) || sent.answer == Answer::not_sent || is_excused()) return;
  const auto lived = loop_.now() - sent.begun;
  if (lived + 1s + drift_in(lived) >= plan_.expire) return;
  violate("I11", fmt::format("letter {} to {} was given up after {}", letter.token, address, to_text(lived)));
}

/// By how much the calendar may have gone wrong meanwhile: what outlives a start is kept by it.
Duration Ledger::drift_in(Duration time) const { return time / 1'000'000 * std::abs(plan_.clock_drift); }

bool Ledger::died_between(MonotonicTime from, MonotonicTime to) const {
  const auto within = [&](MonotonicTime at) { return from <= at && at <= to; };
  return std::ranges::any_of(died_at_, within) || std::ranges::any_of(ended_at_, within);
}

void Ledger::server_logged(const world::LogRecord& record) {
  const auto text = [&record](std::string_view name) {
    const auto field = std::ranges::find(record.fields, name, &world::LogField::name);
    const auto* value = field == record.fields.end() ? nullptr : std::get_if<std::string>(&field->value);
    return value == nullptr ? std::string{} : *value;
  };
  const auto number = [&record](std::string_view name) {
    const auto field = std::ranges::find(record.fields, name, &world::LogField::name);
    const auto* value = field == record.fields.end() ? nullptr : std::get_if<std::int64_t>(&field->value);
    return value == nullptr ? 0 : *value;
  };
  const auto& event = record.event;
  const bool is_damage = event == "spool.damage" || event == "spool.body_damaged";
  if (is_damage) ++alarms_;
  // FAULTS F7: what a disk does not give when it is asked twice is put away, with an alarm, as if it had rotted.
  if (is_damage && plan_.disk.odds.read_error != 0) is_rotten_ = true;
  if (event == "spool.recovered" && number("damages") > 0) ++alarms_;
  if (event == "report.queued") reports_about_[text("about")].push_back(text("message"));
  if (event == "mailbox.failed") mailbox_failures_.insert(text("message"));
  if (event == "delivery.may_be_repeat") ++repeats_[text("message")];
  if (!event.starts_with("recipient.")) return;
  auto* recipient = find(text("to"));
  if (recipient == nullptr) return;
  if (event == "recipient.outcome_unknown") ++recipient->doubts;
  const bool is_end = event == "recipient.delivered" || event == "recipient.failed" || event == "recipient.expired" ||
                      event == "recipient.removed";
  if (is_end) ++recipient->ends;
}

// ---- the operator ----

void Ledger::operator_asks(Order order, const std::string& recipient) {
  const PlannedLetter* letter = nullptr;
  auto* found = find(recipient, letter);
  if (found == nullptr) return;
  if (order == Order::remove) found->may_be_removed = true;
  if (order == Order::expire) found->has_cause = true;
  if (order == Order::release) found->held_since.reset();
  // Those who go the same way go with it.
  for (auto& each : entry(letter->token).recipients) each.is_hurried = true;
}

void Ledger::operator_was_answered(Order order, const std::string& recipient, bool was_running) {
  auto* found = find(recipient);
  if (found == nullptr || was_running) return;
  if (order == Order::remove) found->removed_at = loop_.now();
  if (order == Order::hold) found->held_since = loop_.now();
}

// ---- the end ----

void Ledger::check() {
  std::uint64_t letters_untold = 0;
  for (const auto& letter : entries_) {
    check_entry(letter);
    bool is_untold = false;
    for (std::size_t place = 0; place < letter.recipients.size(); ++place) {
      if (!is_gone(letter, place)) continue;
      is_untold = true;
      if (!has_failed_report(letter)) violate("I1", name(letter, place) + " was accepted, and is gone");
    }
    if (is_untold) ++letters_untold;
  }
  if (letters_untold > reports_that_failed_)
    violate("I1", "reports about letters failed, and the postmaster was not told of each");
  for (const auto& name : seen_) {
    if (!left_.contains(name) && !deleted_.contains(name)) violate("I23", name + " was in a mailbox, and is gone");
  }
}

/// Accepted, and neither delivered nor reported.
bool Ledger::is_gone(const Entry& letter, std::size_t place) const {
  const auto& recipient = letter.recipients[place];
  const bool has_arrived = !recipient.copies.empty() || !recipient.files.empty();
  if (letter.answer != Answer::accepted || !recipient.taken || has_arrived || recipient.told.contains("failed"))
    return false;
  return letter.letter->recipients[place].notify != Notify::never && !recipient.may_be_removed && !is_excused();
}

/// A report about it could not be delivered itself: what it said is in no other.
bool Ledger::has_failed_report(const Entry& letter) const {
  const auto reports = reports_about_.find(letter.id);
  if (reports == reports_about_.end()) return false;
  return std::ranges::any_of(reports->second, [this](const auto& report) { return reports_about_.contains(report); });
}

void Ledger::check_entry(const Entry& entry) {
  for (std::size_t place = 0; place < entry.recipients.size(); ++place) check_recipient(entry, place);
}

void Ledger::check_recipient(const Entry& entry, std::size_t place) {
  const auto& recipient = entry.recipients[place];
  const auto& planned = entry.letter->recipients[place];
  const auto arrived = recipient.copies.size() + recipient.files.size();
  if (arrived > 0 && !recipient.taken) violate("I6", name(entry, place) + " arrived, and was refused");
  if (entry.answer == Answer::not_sent && arrived > 0)
    violate("I4", name(entry, place) + " arrived, and was not sent to its end");
  // FAULTS F11 and Spool::commit(): a message whose writing failed or took too long may come back once after a crash.
  const bool may_come_back = entry.code == 451 && died_between(entry.begun, never);
  if (entry.answer == Answer::refused && arrived > 0 && !may_come_back) {
    violate("I4", fmt::format("{} arrived, and was answered with {}", name(entry, place), entry.code));
  }
  if (recipient.files.size() > 1 && !is_excused() &&
      std::ranges::none_of(recipient.files, [this](const auto& file) { return deleted_.contains(file); })) {
    violate("I2", fmt::format("{} lies {} times in the mailbox", name(entry, place), recipient.files.size()));
  }
  if (is_excused()) return;
  check_copies(entry, planned, recipient);
  check_reports(entry, place);
  check_log(entry, place);
}

void Ledger::check_log(const Entry& entry, std::size_t place) {
  const auto& recipient = entry.recipients[place];
  if (entry.answer != Answer::accepted || !recipient.taken || is_rotten_) return;
  const auto repeats = repeats_.find(entry.id);
  const auto doubts = recipient.doubts + (repeats == repeats_.end() ? 0 : repeats->second);
  if (recipient.copies.size() > 1 + doubts) {
    violate("I3", fmt::format("{} has {} copies and {} doubts in the log", name(entry, place), recipient.copies.size(),
                              doubts));
  }
  const bool has_one_life = died_at_.empty() && ended_at_.empty();
  if (has_one_life && !recipient.may_be_removed && !recipient.is_hurried && recipient.ends != 1) {
    violate("I21", fmt::format("{} has {} ends in the log", name(entry, place), recipient.ends));
  }
}

/// I3: each copy but the last came when the sender could not know that the one before had been taken.
void Ledger::check_copies(const Entry& entry, const PlannedRecipient& planned, const Recipient& recipient) {
  for (std::size_t i = 0; i + 1 < recipient.copies.size(); ++i) {
    const auto& copy = recipient.copies[i];
    const auto next = recipient.copies[i + 1].at;
    if (may_be_unknown(copy, next)) continue;
    violate("I3",
            fmt::format("letter {} was sent again to {} after {} although the server had been told that it arrived",
                        entry.letter->token, planned.address, to_text(next - copy.at)));
  }
}

void Ledger::check_reports(const Entry& entry, std::size_t place) {
  const auto& recipient = entry.recipients[place];
  const auto& planned = entry.letter->recipients[place];
  for (const auto& [action, count] : recipient.told) {
    if (count > 1) violate("I9", fmt::format("{}: {} reports say {}", name(entry, place), count, action));
  }
  if (recipient.told.empty()) return;
  if (!tells_failure(planned.notify)) violate("I9", name(entry, place) + ": a report although NOTIFY=NEVER");
  if (!recipient.told.contains("failed")) return;
  const bool is_doubtful =
      std::ranges::any_of(recipient.copies, [this](const Copy& copy) { return may_be_unknown(copy, never); });
  if (!recipient.copies.empty() && !is_doubtful)
    violate("I10", name(entry, place) + " arrived, and was reported to have failed");
  // Shown, and then the disk did not make the name durable: a delivery in doubt, which the log names.
  const bool is_in_doubt = mailbox_failures_.contains(entry.id);
  if (!recipient.files.empty() && !is_in_doubt) {
    violate("I10", name(entry, place) + " lies in the mailbox, and was reported to have failed");
  }
}

}  // namespace posthorn::proof
