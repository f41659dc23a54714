#include "proof/machine.hpp"

#include <utility>

namespace posthorn::proof {

const Endpoint Machine::mx = *Endpoint::parse("192.0.2.1:25");
const Endpoint Machine::relay = *Endpoint::parse("127.0.0.1:25");
const Endpoint Machine::submission = *Endpoint::parse("192.0.2.1:587");

Machine::Machine(MachineWorld world, MachineSettings settings)
    : world_(world),
      settings_(std::move(settings)),
      random_(world.seed),
      loop_(world.loop),
      commit_worker_({loop_, world.disk, random_}, {.longest_wait = settings_.longest_job_wait, .in_order = true}),
      workers_({loop_, world.disk, random_}, {.longest_wait = settings_.longest_job_wait}),
      directory_(
          settings_.directory, [] { return std::shared_ptr<const rules::Directory>{}; }, workers_, world.log),
      routing_(std::make_shared<const rules::Routing>(rules::Routing::Settings{})),
      routes_(directory_, routing_),
      mailboxes_(world.disk, files_, {.root = mail_root, .account = {1000, 1000}}),
      local_delivery_({loop_, workers_, world.log}, mailboxes_, {}),
      remote_delivery_({loop_, world.network, world.resolver, random_, world.log}, routing_, settings_.remote) {}

Machine::~Machine() {
  loop_.stop();
  loop_.drop();
}

service::ServerWorld Machine::server_world() {
  std::vector<service::LoopAcceptor> acceptors;
  acceptors.push_back({0, world_.network.listen(mx)});
  acceptors.push_back({1, world_.network.listen(relay)});
  acceptors.push_back({2, world_.network.listen(submission)});
  std::vector<service::LoopWorld> loops;
  loops.push_back({loop_, std::move(acceptors)});
  return {std::move(loops), world_.disk,   commit_worker_, workers_,
          world_.log,       loop_.clock(), random_,        settings_.process};
}

void Machine::start() {
  server_ = std::make_unique<service::Server>(
      server_world(), settings_.server,
      service::Server::Parts{directory_, routes_, local_delivery_, &remote_delivery_, nullptr, &world_.authenticator});
  tasks_.start(run_start());
}

world::Task<> Machine::run_start() {
  auto result = co_await server_->start();
  started_ = std::move(result);
}

void Machine::stop() { tasks_.start(run_stop()); }

world::Task<> Machine::run_stop() {
  co_await server_->stop();
  has_stopped_ = true;
}

}  // namespace posthorn::proof
