// SpoolLedger: what a test has handed to a spool and what was answered, so that what the spool shows after a crash can be
// judged: nothing acknowledged lost or altered, nothing refused or unknown there, what was under way there whole or not at
// all (I1, I4, I20, I23). SpoolScribe: hands things in and writes them down, until the power goes.
#pragma once

#include "support/spool_house.hpp"

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::testing {

class SpoolLedger {
 public:
  enum class Standing : std::uint8_t { open, stored, refused };
  struct Entry {
    store::StoredMessage facts;  ///< as it must be read back, but for its states
    std::optional<store::Settlement> settles;
    std::string text;  ///< head and body
    Standing standing = Standing::open;
    std::vector<store::RecipientState> states;
    std::optional<std::vector<store::Outcome>> open_outcomes;  ///< handed in, not answered: there or not
  };

  Entry& enter(const store::NewMessage& message, std::string text) {
    Entry entry;
    entry.facts.id = message.id;
    entry.facts.envelope = message.envelope;
    entry.facts.arrival = message.arrival;
    entry.facts.delivery_name = message.delivery_name;
    entry.facts.origin = message.origin;
    entry.settles = message.settles;
    entry.text = std::move(text);
    entry.states.resize(message.envelope.recipients.size());
    return entries.insert_or_assign(message.id, std::move(entry)).first->second;
  }

  void answered(MessageId id, Standing standing) {
    auto& entry = entries.at(id);
    entry.standing = standing;
    if (standing == Standing::stored && entry.settles) settle(*entry.settles);
  }
  void outcomes_answered(MessageId id, Standing standing) {
    auto& entry = entries.at(id);
    if (standing == Standing::open) return;
    const auto outcomes = std::exchange(entry.open_outcomes, std::nullopt);
    if (outcomes && standing == Standing::stored) entry.states = with(entry.states, *outcomes);
  }

  /// Everything the spool shows is as it must be; what was open is decided by what is seen. Else: what is wrong.
  [[nodiscard]] std::string judge(SpoolHouse& house) {
    std::string wrong;
    for (const auto& live : house.spool().live_after(MessageId{}, most_messages)) {
      if (!entries.contains(live.id)) wrong += "message " + live.id.to_string() + " was never handed in\n";
    }
    decide_settlements(house);
    for (auto& [id, entry] : entries) wrong += judge_one(house, id, entry);
    for (const auto& damage : house.report.damages) {
      wrong += "damage: " + damage.file + " at " + std::to_string(damage.offset) + ": " + damage.what + "\n";
    }
    for (const auto& name : house.report.foreign_names) wrong += "not known as its own: " + name + "\n";
    const auto next = house.spool().new_id();
    if (!entries.empty() && next <= entries.rbegin()->first) wrong += "an id is given twice\n";
    return wrong + judge_bodies(house);
  }

  [[nodiscard]] static std::vector<store::RecipientState> with(std::vector<store::RecipientState> states,
                                                               const std::vector<store::Outcome>& outcomes) {
    for (const auto& outcome : outcomes) {
      if (outcome.recipient < states.size() && !states[outcome.recipient].is_final()) {
        states[outcome.recipient] = outcome.state;
      }
    }
    return states;
  }
  [[nodiscard]] static bool is_over(const std::vector<store::RecipientState>& states) {
    return std::ranges::all_of(states, [](const auto& state) { return state.is_final(); });
  }

  std::map<MessageId, Entry> entries;

 private:
  static constexpr std::size_t most_messages = 100'000;

  void settle(const store::Settlement& settlement) {
    auto& about = entries.at(settlement.message);
    about.states = with(about.states, settlement.outcomes);
  }

  /// A report and what it settles are one step.
  void decide_settlements(SpoolHouse& house) {
    for (auto& [id, entry] : entries) {
      if (entry.standing != Standing::open || !entry.settles) continue;
      answered(id, house.spool().find(id) ? Standing::stored : Standing::refused);
    }
  }

  std::string judge_one(SpoolHouse& house, MessageId id, Entry& entry) {
    const auto live = house.spool().find(id);
    const auto name = "message " + id.to_string();
    if (!live) {
      if (entry.standing == Standing::open) entry.standing = Standing::refused;
      if (entry.standing == Standing::refused) return {};
      if (entry.open_outcomes && is_over(with(entry.states, *entry.open_outcomes)))
        outcomes_answered(id, Standing::stored);
      entry.open_outcomes.reset();
      return is_over(entry.states) ? std::string{} : name + " was acknowledged and is lost\n";
    }
    if (entry.standing == Standing::refused) return name + " was refused and is there\n";
    entry.standing = Standing::stored;
    if (is_over(entry.states)) return name + " was finished and is back\n";
    return judge_live(house, id, entry);
  }

  std::string judge_live(SpoolHouse& house, MessageId id, Entry& entry) {
    const auto name = "message " + id.to_string();
    const auto loaded = house.load(id);
    if (!loaded) return name + " cannot be read: " + loaded.error().text + "\n";
    const auto& message = loaded->message;
    std::string wrong;
    if (message.envelope != entry.facts.envelope) wrong += name + " has another envelope\n";
    if (message.arrival != entry.facts.arrival) wrong += name + " has another arrival\n";
    if (message.delivery_name != entry.facts.delivery_name) wrong += name + " has another delivery name\n";
    if (message.origin != entry.facts.origin) wrong += name + " has another origin\n";
    const auto text = house.text_of(id);
    if (!text || *text != entry.text) wrong += name + " has another text\n";
    if (message.states == entry.states) {
      entry.open_outcomes.reset();
    } else if (entry.open_outcomes && message.states == with(entry.states, *entry.open_outcomes)) {
      outcomes_answered(id, Standing::stored);
    } else {
      wrong += name + " has other states\n";
    }
    return wrong;
  }

  /// Bodies of messages that are gone are gone too.
  std::string judge_bodies(SpoolHouse& house) {
    house.run_for(std::chrono::seconds{1});
    std::string wrong;
    for (const auto& path : house.disk.tree(house.settings.state_folder + "/spool/bodies")) {
      const auto id = MessageId::parse(path.substr(path.rfind('/') + 1));
      if (!id || !house.spool().find(*id)) wrong += "a body is left over: " + path + "\n";
    }
    return wrong;
  }
};

class SpoolScribe {
 public:
  SpoolScribe(SpoolHouse& house, SpoolLedger& ledger) : house_(house), ledger_(ledger) {}

  [[nodiscard]] bool is_dark() const { return house_.disk.power_is_off(); }

  /// The ids of messages that are handed in at once; their records share batches.
  std::vector<MessageId> store(const std::vector<std::string>& texts,
                               const std::vector<std::string>& recipients = {"alice@example.org"}) {
    std::vector<MessageId> ids;
    std::vector<std::shared_ptr<std::optional<Result<>>>> answers;
    for (const auto& text : texts) {
      if (is_dark()) break;
      auto message = message_to(house_.spool().new_id(), recipients, text);
      ids.push_back(message.id);
      ledger_.enter(message, message.head + text);
      answers.push_back(begin(house_.spool().commit(house_.loop(), std::move(message))));
    }
    run_until_all(answers);
    for (std::size_t i = 0; i < ids.size(); ++i) ledger_.answered(ids[i], standing_of(*answers[i]));
    return ids;
  }
  MessageId store_one(const std::string& text, const std::vector<std::string>& recipients = {"alice@example.org"}) {
    const auto ids = store({text}, recipients);
    return ids.empty() ? MessageId{} : ids.front();
  }

  /// A message whose body has a file of its own.
  MessageId store_large(const std::string& text) {
    if (is_dark()) return {};
    const auto id = house_.spool().new_id();
    auto message = message_to(id, {"alice@example.org"}, "");
    ledger_.enter(message, message.head + text);
    auto writer = house_.spool().new_body(id);
    const auto appended = wait(writer.append(house_.loop(), text));
    auto body = appended && *appended ? wait(writer.finish(house_.loop())) : std::nullopt;
    if (!body || !*body) {
      ledger_.answered(id, SpoolLedger::Standing::refused);  // never handed in
      return id;
    }
    message.body = *std::move(*body);
    const auto answer = begin(house_.spool().commit(house_.loop(), std::move(message)));
    run_until_all({answer});
    ledger_.answered(id, standing_of(*answer));
    return id;
  }

  void record(MessageId id, std::vector<store::Outcome> outcomes) { record_together({{id, std::move(outcomes)}}); }
  void record_together(std::vector<std::pair<MessageId, std::vector<store::Outcome>>> all) {
    std::vector<std::shared_ptr<std::optional<Result<>>>> answers;
    std::erase_if(all, [this](const auto& one) { return !ledger_.entries.contains(one.first); });
    for (const auto& [id, outcomes] : all) {
      if (is_dark()) break;
      ledger_.entries.at(id).open_outcomes = outcomes;
      answers.push_back(begin(house_.spool().record(house_.loop(), id, outcomes)));
    }
    run_until_all(answers);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      ledger_.outcomes_answered(all[i].first, standing_of(*answers[i]));
      last_answer = *answers[i];
    }
  }
  /// Each recipient is delivered: the message is over.
  void finish(const std::vector<MessageId>& ids) {
    std::vector<std::pair<MessageId, std::vector<store::Outcome>>> all;
    for (const auto id : ids) {
      if (!ledger_.entries.contains(id)) continue;
      all.push_back({id, {}});
      for (std::uint32_t i = 0; i < ledger_.entries.at(id).states.size(); ++i) {
        all.back().second.push_back(outcome(i, store::RecipientStatus::delivered));
      }
    }
    record_together(std::move(all));
  }

  /// A report to the sender that settles these outcomes in the same record.
  MessageId report(MessageId about, std::vector<store::Outcome> outcomes) {
    if (is_dark() || !ledger_.entries.contains(about)) return {};
    auto message = message_to(house_.spool().new_id(), {"sender@example.net"}, "It failed.\r\n");
    const auto id = message.id;
    message.envelope.sender.reset();
    message.settles = store::Settlement{about, std::move(outcomes)};
    ledger_.enter(message, message.head + "It failed.\r\n");
    const auto answer = begin(house_.spool().commit(house_.loop(), std::move(message)));
    run_until_all({answer});
    ledger_.answered(id, standing_of(*answer));
    return id;
  }

  /// Virtual time passes; maintenance works.
  void rest(Duration time) {
    const auto until = after(house_.loop().now(), time);
    while (!is_dark() && house_.loop().next_event() <= until && house_.loop().step()) {
    }
    if (!is_dark()) house_.loop().run_until(until);
  }

  std::optional<Result<>> last_answer;

 private:
  std::shared_ptr<std::optional<Result<>>> begin(world::Task<Result<>> task) {
    auto answer = std::make_shared<std::optional<Result<>>>();
    house_.tasks().start(keep(std::move(task), answer));
    return answer;
  }
  template <class T>
  static world::Task<> keep(world::Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
  }
  template <class T>
  std::optional<T> wait(world::Task<T> task) {
    auto value = std::make_shared<std::optional<T>>();
    house_.tasks().start(keep(std::move(task), value));
    while (!*value && !is_dark() && house_.loop().step()) {
    }
    return std::move(*value);
  }
  void run_until_all(const std::vector<std::shared_ptr<std::optional<Result<>>>>& answers) {
    const auto all = [&answers] {
      return std::ranges::all_of(answers, [](const auto& one) { return one->has_value(); });
    };
    while (!all() && !is_dark()) ensure(house_.loop().step(), "what was handed in is answered");
  }

  /// What a dark or failing disk has answered proves nothing about what stands on it.
  [[nodiscard]] SpoolLedger::Standing standing_of(const std::optional<Result<>>& answer) const {
    if (!answer) return SpoolLedger::Standing::open;
    if (*answer) return SpoolLedger::Standing::stored;
    const auto facts = house_.spool().facts();
    const bool fails = is_dark() || (!facts.accepting && facts.why != Error::Kind::no_space);
    return fails ? SpoolLedger::Standing::open : SpoolLedger::Standing::refused;
  }

  SpoolHouse& house_;
  SpoolLedger& ledger_;
};

/// What a spool went through: one function for each life of the program, which ends as if it were killed.
struct SpoolHistory {
  std::string name;
  bool maintains = false;
  std::vector<std::function<void(SpoolScribe&)>> lives{};

  friend void PrintTo(const SpoolHistory& history, std::ostream* out) { *out << history.name; }
};

/// Lives through it until the power goes. False: it went.
inline bool live_through(const SpoolHistory& history, SpoolHouse& house, SpoolLedger& ledger) {
  for (const auto& life : history.lives) {
    const auto started = house.start();
    if (house.disk.power_is_off()) return false;
    ensure(started.has_value(), started ? "" : started.error().text.c_str());
    SpoolScribe scribe{house, ledger};
    life(scribe);
    if (house.disk.power_is_off()) return false;
    house.kill();
  }
  return true;
}

}  // namespace posthorn::testing
