// Pickup: takes what programs of this machine put into the drop folder (`sendmail`) into the spool, at the start and while
// the server runs. Each letter enters the spool once, whatever crashes between: it is claimed under the id it is to have,
// stored, removed from the folder, and only then may the queue deliver it; so that a claimed letter that the spool does
// not know was never stored. What the writer was told (exit 0) is kept: who cannot be reached is reported to the sender.
// On the home loop.
#pragma once

#include "rules/sender_check.hpp"
#include "service/gatekeeper.hpp"
#include "service/intake.hpp"
#include "service/queue_manager.hpp"
#include "service/reporter.hpp"
#include "store/drop_folder.hpp"
#include "world/wait.hpp"
#include "world/workers.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace posthorn::service {

struct PickupSettings {
  rules::SenderCheck sender_check = rules::SenderCheck::off;  ///< which senders accounts may name; root and ours: any
  std::string hostname;
  Duration interval = std::chrono::milliseconds{500};  ///< between two looks at the folder
  unsigned own_account = 0;
  /// The name of an account. On a worker.
  std::function<std::string(unsigned)> name_of_account = [](unsigned number) { return std::to_string(number); };
};

class Pickup {
 public:
  /// All outlive it. `intake.accepted` is not used.
  struct World {
    world::Loop& loop;
    world::Workers& workers;
    world::Log& log;
    store::Spool& spool;
    DeliveryNames& names;
    const Routes& routes;
    Traffic& traffic;
    Gatekeeper& gatekeeper;
    const Reporter& reporter;
    QueueManager& queue;
    const Snapshot<Policy>& policy;
  };

  Pickup(World world, store::DropFolder folder, PickupSettings settings);

  /// For the letters that are taken from now on.
  void change(rules::SenderCheck sender_check, std::string hostname);
  /// Removes the letters that the spool has already. Between Spool::recover() and QueueManager::adopt_waiting(): what was
  /// stored before a crash is delivered only when it cannot be taken in again.
  [[nodiscard]] world::Task<> settle_claims();
  /// Looks into the folder again and again until `end` is set.
  [[nodiscard]] world::Task<> run(world::Event& end);

 private:
  using Which = store::DropFolder::Which;
  enum class Taken : std::uint8_t { done, not_now };
  /// What the queue is to be told of a message once its letter is gone.
  struct Stored {
    std::vector<Group> groups;
    bool has_refused = false;
  };
  /// A letter on its way in.
  struct Letter {
    store::DropName name;
    store::OpenDropLetter open;
    std::string account;
    std::vector<mail::Recipient> refused;
    std::vector<smtp::Reply> refusals;
  };

  [[nodiscard]] world::Task<std::vector<store::DropName>> find(Which which);
  [[nodiscard]] world::Task<> take_all(world::Event& end);
  [[nodiscard]] world::Task<Taken> take(store::DropName name);
  [[nodiscard]] world::Task<std::optional<Letter>> open(store::DropName name);
  [[nodiscard]] world::Task<std::optional<smtp::Reply>> judge_sender(const Letter& letter);
  [[nodiscard]] world::Task<> judge_recipients(Letter& letter);
  [[nodiscard]] world::Task<Taken> store(Letter letter);
  [[nodiscard]] world::Task<Result<>> read_text(const Letter& letter, Intake& intake);
  [[nodiscard]] std::vector<store::RecipientState> states_of(const Letter& letter, const mail::Envelope& envelope,
                                                             MessageId id) const;
  [[nodiscard]] std::string trace_field(const Letter& letter, MessageId id) const;
  [[nodiscard]] std::optional<MessageId> stored_as(const store::DropName& name) const;
  [[nodiscard]] world::Task<> take_claimed(store::DropName name, MessageId id);
  [[nodiscard]] world::Task<bool> remove(store::DropName name);
  [[nodiscard]] world::Task<> hand_over(MessageId id);
  [[nodiscard]] world::Task<> set_aside(store::DropName name, std::string why);
  void complain(const std::string& about, std::string_view event, std::string_view why);

  World world_;
  store::DropFolder folder_;
  PickupSettings settings_;
  std::vector<Group> groups_;  ///< of the message stored last
  IntakeWorld intake_;
  std::set<std::string> told_;          ///< what was complained of, so that it is said once
  std::map<MessageId, Stored> stored_;  ///< their letters are still there
};

}  // namespace posthorn::service
