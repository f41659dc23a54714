#include "service/server.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr Duration last_words = std::chrono::milliseconds{500};  // for the 421 to sessions that did not end in time

}  // namespace

/// What belongs to one loop.
class Server::LoopServices {
 public:
  LoopServices(Server& server, LoopWorld& world)
      : loop_(world.loop),
        gatekeeper_(server.parts_.directory, world.loop),
        intake_{world.loop,
                *server.spool_,
                server.world_.log,
                server.delivery_names_,
                server.parts_.routes,
                [queue = server.queue_.get()](MessageId id, std::vector<Group> groups) {
                  queue->accepted(id, std::move(groups));
                },
                server.traffic_},
        reception_{world.loop, server.world_.log, intake_, gatekeeper_, server.desk_, server.parts_.authenticator},
        receptions_(world.loop) {
    for (auto& [listener, acceptor] : world.acceptors) {
      listeners_.push_back(
          std::make_unique<Listener>(ListenerWorld{reception_, receptions_, server.limits_, server.session_names_,
                                                   server.policy_, server.log_of(listener)},
                                     std::move(acceptor), listener));
    }
  }

  void start() {
    loop_.post([this] {
      for (auto& listener : listeners_) tasks_.start(listener->run());
    });
  }

  /// Awaited from the home loop; runs on this one. Who comes meanwhile hears 421.
  world::Task<> end(world::Loop& home, MonotonicTime deadline) {
    co_await world::move_to(loop_);
    for (auto& listener : listeners_) listener->refuse();
    receptions_.shut_down(smtp::ServerSession::Shutdown::after_message);
    if (!co_await receptions_.all_gone().wait(deadline)) {
      receptions_.shut_down(smtp::ServerSession::Shutdown::at_once);
      co_await receptions_.all_gone().wait(after(loop_.now(), last_words));
    }
    co_await world::move_to(home);
  }

  world::Task<> close(world::Loop& home) {
    co_await world::move_to(loop_);
    for (auto& listener : listeners_) listener->close();
    co_await world::move_to(home);
  }

 private:
  world::Loop& loop_;
  Gatekeeper gatekeeper_;
  IntakeWorld intake_;
  ReceptionWorld reception_;
  Receptions receptions_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  world::TaskGroup tasks_;
};

Server::Server(ServerWorld world, ServerSettings settings, Parts parts)
    : world_(std::move(world)),
      settings_(std::move(settings)),
      parts_(parts),
      policy_(settings_.policy),
      limits_(settings_.limits),
      session_names_(world_.clock.wall()),
      delivery_names_(settings_.policy->reception.hostname, world_.process),
      desk_(settings_.login, {world_.random.next(), world_.random.next()}),
      gatekeeper_(parts_.directory, home()),
      stopping_(home()),
      queue_is_known_(home()),
      directory_watch_ended_(home()),
      pickup_ended_(home()) {}

Server::~Server() = default;

world::Task<Result<>> Server::start() {
  const store::SpoolWorld spool_world{world_.disk, world_.commit_worker, world_.workers,
                                      world_.log,  world_.clock,         world_.random};
  auto spool = co_await store::Spool::open(home(), spool_world, settings_.spool);
  if (!spool) co_return failure(std::move(spool.error()).context("open the spool"));
  spool_ = std::move(*spool);
  delivery_names_.begin_start(spool_->new_id());
  reporter_ = std::make_unique<Reporter>(
      Reporter::World{home(), *spool_, world_.log, delivery_names_, parts_.routes, gatekeeper_,
                      [this](MessageId id, std::vector<Group> groups) { queue_->accepted(id, std::move(groups)); }},
      settings_.reporter);
  history_ = std::make_unique<History>(History::World{home(), world_.disk, world_.workers, world_.log, world_.clock},
                                       settings_.history);
  queue_ = std::make_unique<QueueManager>(QueueWorld{home(), *spool_, world_.log, world_.random, parts_.routes,
                                                     *reporter_, *history_, local_deliverer(), parts_.remote},
                                          settings_.queue);
  for (auto& loop : world_.loops) services_.push_back(std::make_unique<LoopServices>(*this, loop));
  for (auto& service : services_) service->start();
  open_control();
  make_pickup();
  tasks_.start(spool_->maintain(home()));
  tasks_.start(take_up_waiting());
  tasks_.start(watch_directory());
  co_return Result<>{};
}

/// A user who comes is found by the question about an unknown one; one who goes, or an alias that changes, by this.
world::Task<> Server::watch_directory() {
  while (!co_await stopping_.wait(after(home().now(), settings_.directory_watch))) {
    co_await parts_.directory.refresh(home());
  }
  directory_watch_ended_.set();
}

void Server::make_pickup() {
  pickup_ended_.set();
  if (!world_.drop) return;
  pickup_ = std::make_unique<Pickup>(Pickup::World{home(), world_.workers, world_.log, *spool_, delivery_names_,
                                                   parts_.routes, traffic_, gatekeeper_, *reporter_, *queue_, policy_},
                                     std::move(*world_.drop), settings_.pickup);
}

/// After what earlier starts took in is known, so that nothing is taken in twice.
world::Task<> Server::pick_up() {
  if (!pickup_ || stopping_.is_set()) co_return;
  pickup_ended_.clear();
  co_await pickup_->run(stopping_);
  pickup_ended_.set();
}

world::Log& Server::log_of(std::size_t listener) const {
  return world_.listener_logs.empty() ? world_.log : *world_.listener_logs.at(listener);
}

void Server::open_control() {
  metrics_ =
      std::make_unique<Metrics>(Metrics::World{traffic_, limits_, *queue_, *spool_, *history_, parts_.remote_facts});
  control_routes_ =
      std::make_unique<ControlRoutes>(ControlRoutes::World{home(), world_.workers, *spool_, *queue_, *history_,
                                                           parts_.routes, *metrics_, queue_is_known_, parts_.explainer},
                                      ControlRoutesSettings{});
  control_ =
      std::make_unique<ControlServer>(ControlServer::World{home(), world_.log, *control_routes_}, settings_.control);
  for (auto& acceptor : world_.control) control_->open(std::move(acceptor));
  world_.control.clear();
}

Deliverer& Server::local_deliverer() {
  if (!parts_.forwards) return parts_.local;
  redirect_intake_ = std::make_unique<IntakeWorld>(IntakeWorld{
      home(), *spool_, world_.log, delivery_names_, parts_.routes,
      [this](MessageId id, std::vector<Group> groups) { queue_->accepted(id, std::move(groups)); }, traffic_});
  redirecting_ = std::make_unique<RedirectingDelivery>(
      RedirectingDelivery::World{home(), world_.workers, world_.log, *redirect_intake_, gatekeeper_, policy_,
                                 parts_.directory},
      parts_.forwards, parts_.local);
  return *redirecting_;
}

world::Task<> Server::take_up_waiting() {
  const auto report = co_await spool_->recover(home());
  queue_is_known_.set();
  if (!report && report.error().kind == Error::Kind::closed) co_return;
  if (!report) {
    world_.log.error("spool.unreadable", {{"error", report.error().text}});
    co_return;
  }
  world_.log.info("spool.recovered", {{"messages", report->messages},
                                      {"recipients", report->recipients},
                                      {"segments", report->segments},
                                      {"dropped_octets", report->dropped_octets},
                                      {"damages", report->damages.size()}});
  if (pickup_) co_await pickup_->settle_claims();
  tasks_.start(pick_up());
  co_await queue_->adopt_waiting();
}

void Server::reload(std::shared_ptr<const Policy> policy, ConnectionLimits::Settings limits) {
  policy_.replace(std::move(policy));
  limits_.change(limits);
}

void Server::change(const ServerSettings& settings) {
  settings_.shutdown = settings.shutdown;
  queue_->change(settings.queue);
  reporter_->change(settings.reporter);
  history_->keep_for(settings.history.files.keep);
  if (pickup_) pickup_->change(settings.pickup.sender_check, settings.pickup.hostname);
}

world::Task<> Server::stop() {
  if (!spool_) co_return;
  const auto deadline = after(home().now(), settings_.shutdown);
  queue_->stop();
  stopping_.set();
  co_await directory_watch_ended_.wait(never);
  co_await pickup_ended_.wait(never);
  co_await end_receptions(deadline);
  co_await end_queue(std::max(deadline, after(home().now(), last_words)));
  control_->close();
  co_await history_->end();
  spool_->stop();
  co_await spool_->drain(home());
}

world::Task<> Server::end_receptions(MonotonicTime deadline) {
  world::TaskGroup ends;
  world::Event all_ended(home());
  auto left = services_.size();
  for (auto& service : services_) {
    ends.start([](Server& server, LoopServices& part, MonotonicTime until, std::size_t& count,
                  world::Event& ended) -> world::Task<> {
      co_await part.end(server.home(), until);
      if (--count == 0) ended.set();
    }(*this, *service, deadline, left, all_ended));
  }
  co_await all_ended.wait(never);
  // The sockets of all loops stay open until the last one is done: a port whose sockets close one after another would
  // reset those who wait at the ones that have closed.
  for (auto& service : services_) co_await service->close(home());
}

world::Task<> Server::end_queue(MonotonicTime deadline) {
  if (!co_await queue_->idle().wait(deadline)) {
    world_.log.warning("queue.interrupted",
                       {{"what_to_do", "nothing: what was under way is tried again after the start"}});
  }
}

}  // namespace posthorn::service
