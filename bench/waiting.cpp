// How a start with many waiting messages goes (FAULTS F50): how long until mail is taken, how long until the whole index is
// there, how many octets of memory a message costs. On the real disk, with the real spool; one process for each call, so that
// memory is that of one start.
//
// usage: waiting fill FOLDER MESSAGES RECIPIENTS | waiting start FOLDER
#include "store/spool.hpp"
#include "system/clock.hpp"
#include "system/direct_log.hpp"
#include "system/event_loop.hpp"
#include "system/machine.hpp"
#include "system/posix_disk.hpp"
#include "system/worker_threads.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <fmt/core.h>

#include <malloc.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::bench {
namespace {

constexpr std::size_t at_once = 512;
constexpr std::size_t text_octets = 2000;

struct Machine {
  system::SystemClock clock;
  system::KernelRandom random;
  system::PosixDisk disk;
  system::DirectLog log{clock};
  system::WorkerThreads commit_worker{{"spool", 1}};
  system::WorkerThreads readers{{"files", 4}};
  std::unique_ptr<system::EventLoop> loop = *system::EventLoop::make(clock);

  [[nodiscard]] store::SpoolWorld world() { return {disk, commit_worker, readers, log, clock, random}; }
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

store::SpoolSettings settings_for(const std::string& folder) {
  return {.state_folder = folder, .host_identity = "bench"};
}

store::NewMessage message(store::Spool& spool, std::uint64_t place, std::uint64_t recipients) {
  store::NewMessage made;
  made.id = spool.new_id();
  made.envelope.sender = *mail::Address::parse("sender@example.net");
  for (std::uint64_t i = 0; i < recipients; ++i) {
    const auto domain = "d" + std::to_string((place + i) % 100'000) + ".example";
    made.envelope.recipients.push_back({*mail::Address::parse("user" + std::to_string(i) + "@" + domain), {}, {}});
  }
  made.arrival = WallTime{std::chrono::seconds{1'790'000'000}};
  made.delivery_name = {1'790'000'000, 1, 1, place, "mx.example.org"};
  made.head = "Received: by mx\r\n";
  made.body = std::string(text_octets, 'x') + "\r\n";
  return made;
}

world::Task<> store_some(Machine& machine, store::Spool& spool, std::uint64_t from, std::uint64_t count,
                         std::uint64_t recipients, bool& all_good) {
  world::TaskGroup group;
  world::Event done{*machine.loop};
  auto left = count;
  for (std::uint64_t i = 0; i < count; ++i) {
    group.start([](Machine& on, store::Spool& into, store::NewMessage one, bool& good, std::uint64_t& open,
                   world::Event& end) -> world::Task<> {
      if (!co_await into.commit(*on.loop, std::move(one))) good = false;
      if (--open == 0) end.set();
    }(machine, spool, message(spool, from + i, recipients), all_good, left, done));
  }
  (void)co_await done.wait(never);
}

world::Task<int> fill(Machine& machine, std::string folder, std::uint64_t messages, std::uint64_t recipients) {
  auto spool = co_await store::Spool::open(*machine.loop, machine.world(), settings_for(folder));
  if (!spool) co_return 1;
  if (!co_await (*spool)->recover(*machine.loop)) co_return 1;
  bool all_good = true;
  for (std::uint64_t at = 0; at < messages && all_good; at += at_once) {
    co_await store_some(machine, **spool, at, std::min<std::uint64_t>(at_once, messages - at), recipients, all_good);
  }
  (*spool)->stop();
  co_await (*spool)->drain(*machine.loop);
  co_return all_good ? 0 : 1;
}

std::size_t held() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

world::Task<int> start(Machine& machine, std::string folder) {
  const auto begin = machine.loop->now();
  auto spool = co_await store::Spool::open(*machine.loop, machine.world(), settings_for(folder));
  if (!spool) co_return 1;
  if (!co_await (*spool)->commit(*machine.loop, message(**spool, 0, 1))) co_return 1;
  const auto accepting = machine.loop->now() - begin;
  malloc_trim(0);
  const auto before = held();
  const auto report = co_await (*spool)->recover(*machine.loop);
  if (!report) co_return 1;
  const auto whole = machine.loop->now() - begin;
  const auto octets = held() - before;
  (*spool)->stop();
  co_await (*spool)->drain(*machine.loop);
  fmt::print("{{\"messages\": {}, \"recipients\": {}, \"accepting_s\": {:.3f}, \"whole_s\": {:.3f}, \"octets\": {}}}\n",
             report->messages, report->recipients, seconds(accepting), seconds(whole), octets);
  co_return 0;
}

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  Machine machine;
  const std::string_view what = argc > 2 ? argv[1] : "";
  int status = 64;
  if (what == "fill" && argc == 5) {
    status = posthorn::system::run_to_end(*machine.loop, fill(machine, argv[2], number(argv[3]), number(argv[4])));
  } else if (what == "start") {
    status = posthorn::system::run_to_end(*machine.loop, start(machine, argv[2]));
  }
  machine.commit_worker.end();
  machine.readers.end();
  return status;
}
