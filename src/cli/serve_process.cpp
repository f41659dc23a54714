#include "cli/serve_process.hpp"

#include "world/workers.hpp"

#include <utility>

namespace posthorn::cli {

ServeProcess::ServeProcess(Start start, Console& console) : start_(std::move(start)), console_(console) {}

ServeProcess::~ServeProcess() = default;

ExitStatus ServeProcess::run() {
  system::prepare_signals();
  auto loaded = start_.load();
  if (!loaded) {
    for (const auto& line : loaded.error().lines) console_.complain("{}", line);
    return loaded.error().status;
  }
  world_ = std::make_unique<ServeWorld>(std::move(*loaded), start_.adopt_spool);
  if (const auto done = world_->set_up(); !done) return refuse(done.error());
  return world_->run(live());
}

ExitStatus ServeProcess::refuse(const StartFailure& failure) {
  console_.complain("{}", failure.error.text);
  return failure.status;
}

/// On the home loop, which is this thread.
world::Task<ExitStatus> ServeProcess::live() {
  auto signals = system::SignalWatch::make(world_->home());
  if (!signals) co_return refuse({ExitStatus::system_fault, signals.error()});
  if (auto started = co_await world_->server().start(); !started) co_return refuse(start_failure(started.error()));
  console_.remark("posthorn ready {}\n", world_->listening_text());
  manager_.tell_ready(world_->listening_text());
  world::Event end(world_->home());
  world::Event watch_ended(world_->home());
  tasks_.start([](ServeWorld& world, world::Event& until, world::Event& ended) -> world::Task<> {
    co_await world.watch_certificates(until);
    ended.set();
  }(*world_, end, watch_ended));
  co_await obey(**signals);
  manager_.tell_stopping();
  end.set();
  co_await world_->server().stop();
  co_await watch_ended.wait(never);
  co_return ExitStatus::ok;
}

world::Task<> ServeProcess::obey(system::SignalWatch& signals) {
  while (true) {
    const auto signal = co_await signals.next();
    if (!signal) co_return;
    switch (*signal) {
      case system::Signal::stop:
      case system::Signal::interrupt: co_return;
      case system::Signal::reload: co_await reload(); break;
      case system::Signal::child: break;
    }
  }
}

/// FAULTS F29: a bad file keeps what is in force.
world::Task<> ServeProcess::reload() {
  manager_.tell_reloading(world_->home().now());
  auto loaded = co_await world::on_workers(world_->workers(), world_->home(), [this] { return start_.load(); });
  if (loaded) {
    co_await world_->reload(std::move(*loaded));
  } else {
    for (const auto& line : loaded.error().lines) {
      world_->log().error("configuration.refused",
                          {{"error", line}, {"what_to_do", "mend the file; until then nothing changes"}});
    }
  }
  manager_.tell_ready(world_->listening_text());
}

}  // namespace posthorn::cli
