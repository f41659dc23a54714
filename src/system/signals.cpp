#include "system/signals.hpp"

#include "system/system_error.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>

namespace posthorn::system {
namespace {

sigset_t watched_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, signal);
  return signals;
}

std::optional<Signal> to_signal(std::uint32_t number) {
  switch (number) {
    case SIGTERM:
      return Signal::stop;
    case SIGINT:
      return Signal::interrupt;
    case SIGHUP:
      return Signal::reload;
    case SIGCHLD:
      return Signal::child;
    default:
      return std::nullopt;
  }
}

}  // namespace

void prepare_signals() {
  const auto signals = watched_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // The last two mean nothing here; to other servers they do, and nobody's mail shall stop by a mistake.
  for (const int signal : {SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_IGN);
}

Result<std::unique_ptr<SignalWatch>> SignalWatch::make(EventLoop& loop) {
  const auto signals = watched_signals();
  Descriptor descriptor{::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC)};
  if (!descriptor.is_open()) return system_failure("watch for signals");
  auto polled = PolledDescriptor::make(loop, std::move(descriptor));
  if (!polled) return failure(std::move(polled.error()));
  return std::make_unique<SignalWatch>(std::move(*polled));
}

world::Task<Result<Signal>> SignalWatch::next() {
  while (!descriptor_.is_cancelled()) {
    signalfd_siginfo info{};
    const auto got = uninterrupted([&] { return ::read(descriptor_.get(), &info, sizeof info); });
    const auto signal = got == sizeof info ? to_signal(info.ssi_signo) : std::nullopt;
    if (signal) co_return *signal;
    if (got < 0 && errno != EAGAIN) co_return system_failure("wait for a signal");
    if (got < 0) static_cast<void>(co_await descriptor_.wait(PolledDescriptor::Direction::read, never));
  }
  co_return failure(Error::Kind::closed, "no longer waiting for signals");
}

}  // namespace posthorn::system
