#include "system/log_process.hpp"

#include "system/child_process.hpp"
#include "system/clock.hpp"
#include "system/log_reception.hpp"
#include "system/system_error.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::system {
namespace {

/// SIGHUP means: open the file again. An interrupt or a stop is for the others: this process ends after them.
Descriptor watch_signals() {
  sigset_t all{};
  sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  sigset_t hangup{};
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  return Descriptor{::signalfd(-1, &hangup, SFD_CLOEXEC | SFD_NONBLOCK)};
}

bool read_hangup(int signals) {
  signalfd_siginfo signal{};
  return ::read(signals, &signal, sizeof signal) == sizeof signal;
}

/// Reads packets until the last sender has closed.
void serve(int socket, LogReception& reception) {
  const auto signals = watch_signals();
  std::array<char, LogWireLimits::packet> packet{};
  std::array<pollfd, 2> watched{
      {{.fd = socket, .events = POLLIN, .revents = 0}, {.fd = signals.get(), .events = POLLIN, .revents = 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    if (watched[1].revents != 0 && read_hangup(signals.get())) reception.reopen();
    if (watched[0].revents == 0) continue;
    const auto got = uninterrupted([&] { return ::recv(socket, packet.data(), packet.size(), 0); });
    if (got <= 0) return;
    reception.take_packet({packet.data(), static_cast<std::size_t>(got)});
  }
}

struct Sinks {
  LogSink main;
  std::vector<std::optional<LogSink>> journals{};

  [[nodiscard]] std::vector<int> descriptors() const {
    std::vector<int> all{main.descriptor()};
    for (const auto& sink : journals) {
      if (sink) all.push_back(sink->descriptor());
    }
    return all;
  }
};

Result<Sinks> open_sinks(const LogProcessSettings& settings) {
  auto main = LogSink::open(settings.file);
  if (!main) return failure(std::move(main.error()));
  Sinks sinks{.main = std::move(*main)};
  for (const auto& file : settings.journals) {
    auto& place = sinks.journals.emplace_back();
    if (file.empty()) continue;
    auto sink = LogSink::open(file);
    if (!sink) return failure(std::move(sink.error()));
    place = std::move(*sink);
  }
  return sinks;
}

int run(int socket, Sinks sinks, const LogProcessSettings& settings) {
  if (settings.account) {
    if (const auto became = become(*settings.account); !became) {
      std::fprintf(stderr, "posthorn: log process: %s\n", became.error().text.c_str());
      return 1;
    }
  }
  SystemClock clock;
  LogReception reception{std::move(sinks.main), settings.format, clock, std::move(sinks.journals)};
  serve(socket, reception);
  reception.finish();
  return 0;
}

}  // namespace

Result<LogProcess> LogProcess::start(const LogProcessSettings& settings) {
  auto sinks = open_sinks(settings);
  if (!sinks) return failure(std::move(sinks.error()));
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return system_failure("make a socket");
  Descriptor ours{ends[0]};
  Descriptor theirs{ends[1]};
  const auto pid = ::fork();
  if (pid < 0) return system_failure("start the log process");
  if (pid > 0) return LogProcess{std::move(ours), pid};
  auto kept = sinks->descriptors();
  kept.push_back(theirs.get());
  prepare_child("posthorn-log", std::move(kept));
  static_cast<void>(ours.release());
  ::_exit(run(theirs.get(), std::move(*sinks), settings));
}

bool LogProcess::wait(Duration limit) const { return wait_for_child(pid_, limit).has_value(); }

}  // namespace posthorn::system
