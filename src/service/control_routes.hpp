// ControlRoutes: what the control interface answers.
//   GET  /                     a page for people: counts, destinations, what waits (with /page.css, /page.js)
//   GET  /healthz              200 while mail is taken, 503 while it is not, and why
//   GET  /metrics              Prometheus text
//   GET  /api/queue            what waits: a JSON array, streamed; ?sender= ?recipient= ?domain= ?status= ?limit=,
//                              and ?id=, of one message, as often as wanted
//   GET  /api/queue/ID         one message, with its history and dialogues, also when it is gone
//   GET  /api/destinations     those with the most entries waiting
//   GET  /api/explain?address= what would happen to mail for it, step by step
//   HEAD                       as GET, without the body
//   POST /api/queue/ACTION     hold, release, retry, remove, expire: {"ids": […]}, {"all": true}, or a filter
// On the home loop; lists are made ready by workers.
#pragma once

#include "service/control_server.hpp"
#include "service/explainer.hpp"
#include "service/history.hpp"
#include "service/queue_manager.hpp"
#include "service/queue_view.hpp"
#include "store/spool.hpp"
#include "world/wait.hpp"
#include "world/workers.hpp"

#include <functional>
#include <string>
#include <vector>

namespace posthorn::service {

class Metrics;

struct ControlRoutesSettings {
  std::size_t list_batch = 512;                 ///< messages read and written at a time
  std::size_t action_batch = 256;               ///< messages changed side by side, so that they share a sync
  std::size_t most_ids = 10'000;                ///< named in one request
  std::size_t lines = 2'000;                    ///< of history, of one message
  std::size_t destinations = 100;               ///< shown
  Duration patience = std::chrono::minutes{1};  ///< with a start that has not read the whole queue yet
};

class ControlRoutes final : public ControlHandler {
 public:
  /// All outlive it.
  struct World {
    world::Loop& loop;
    world::Workers& workers;
    store::Spool& spool;
    QueueManager& queue;
    History& history;
    const Routes& routes;
    const Metrics& metrics;
    world::Event& queue_is_known;          ///< set when what waited at the start has been read
    const Explainer* explainer = nullptr;  ///< none: addresses are not explained
  };

  ControlRoutes(World world, ControlRoutesSettings settings) : world_(world), settings_(settings) {}

  [[nodiscard]] world::Task<> answer(HttpRequest request, bool may_change, HttpAnswer& answer) override;

 private:
  /// Comes back when it does, or false when a start takes too long for it.
  [[nodiscard]] world::Task<bool> knows_the_queue();
  [[nodiscard]] world::Task<bool> get_page(const std::string& path, HttpAnswer& answer);
  [[nodiscard]] world::Task<> get(const HttpRequest& request, HttpAnswer& answer);
  [[nodiscard]] world::Task<> health(HttpAnswer& answer);
  [[nodiscard]] world::Task<> list(const HttpRequest& request, HttpAnswer& answer);
  [[nodiscard]] world::Task<> show(std::string_view id, HttpAnswer& answer);
  [[nodiscard]] world::Task<> destinations(HttpAnswer& answer);
  [[nodiscard]] world::Task<> explain(const HttpRequest& request, HttpAnswer& answer);

  // ---- control_actions.cpp ----
  struct Wanted;
  struct Tally;
  [[nodiscard]] world::Task<> change(OperatorAction action, const HttpRequest& request, HttpAnswer& answer);
  [[nodiscard]] world::Task<> change_named(OperatorAction action, const Wanted& wanted, Tally& tally);
  [[nodiscard]] world::Task<> change_found(OperatorAction action, const Wanted& wanted, Tally& tally);
  [[nodiscard]] world::Task<> change_batch(OperatorAction action, const Wanted& wanted, std::vector<MessageId> ids,
                                           Tally& tally);
  [[nodiscard]] world::Task<> change_one(OperatorAction action, const Wanted& wanted, MessageId id, Tally& tally);
  [[nodiscard]] Result<Wanted> read_wanted(std::string_view body) const;

  World world_;
  ControlRoutesSettings settings_;
};

/// The page that GET / shows, and what it loads.
[[nodiscard]] std::string_view control_page();
[[nodiscard]] std::string_view control_style();
[[nodiscard]] std::string_view control_script();

}  // namespace posthorn::service
