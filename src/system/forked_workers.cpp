#include "system/forked_workers.hpp"

#include "system/child_process.hpp"
#include "system/system_error.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <ranges>
#include <utility>

namespace posthorn::system {
namespace {

constexpr int between_looks = 500;  // ms: children that have ended are buried at the latest then

std::uint16_t number_of(WorkPacket kind) { return static_cast<std::uint16_t>(kind); }

bool has_ended(const Descriptor& process, Duration patience) {
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
  return uninterrupted([&] { return ::poll(&ended, 1, static_cast<int>(wait)); }) > 0;
}

}  // namespace

bool outlive(const Descriptor& process, Duration patience) {
  if (!process.is_open() || has_ended(process, patience)) return true;
  ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0U);
  return has_ended(process, patience);
}

void ForkedWorkers::serve(const ControlChannel& parent) {
  for (;;) {
    std::array watched{pollfd{.fd = parent.descriptor(), .events = POLLIN, .revents = 0},
                       pollfd{.fd = orders_ ? orders_->descriptor() : -1, .events = POLLIN, .revents = 0}};
    uninterrupted([&] { return ::poll(watched.data(), watched.size(), between_looks); });
    reap();
    if (watched[1].revents != 0) take_orders();
    if (watched[0].revents == 0) continue;
    auto packet = parent.try_receive();
    if (!packet || (*packet && !obey(parent, std::move(**packet)))) return;
  }
}

bool ForkedWorkers::obey(const ControlChannel& parent, ControlPacket packet) {
  if (packet.kind == number_of(WorkPacket::alive)) return parent.send(packet.kind, {}).has_value();
  if (packet.kind != number_of(WorkPacket::channel) || packet.descriptors.size() != 1) return false;
  orders_.emplace(std::move(packet.descriptors.front()));
  return true;
}

/// One that does not fit ends the channel, and nothing else.
void ForkedWorkers::take_orders() {
  auto packet = orders_->try_receive();
  if (packet && !*packet) return;
  const bool fits = packet && (*packet)->kind == number_of(WorkPacket::work) && (*packet)->descriptors.size() == 1 &&
                    (*packet)->payload.size() <= settings_.name;
  if (fits) return start(std::move(**packet));
  orders_->hang_up();
  orders_.reset();
}

void ForkedWorkers::start(ControlPacket packet) {
  if (children_.size() >= settings_.most) return;
  const auto self = ::getpid();
  const auto pid = ::fork();
  if (pid == 0) become_child(std::move(packet), self);
  if (pid < 0) return;  // whoever asked finds the channel closed, and asks again later
  children_.push_back({.pid = pid,
                       .name = std::move(packet.payload),
                       .process = Descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}});
}

void ForkedWorkers::become_child(ControlPacket packet, pid_t parent) {
  auto predecessor = predecessor_of(packet.payload);
  ControlChannel channel{std::move(packet.descriptors.front())};
  auto kept = settings_.kept;
  kept.push_back(channel.descriptor());
  if (predecessor.is_open()) kept.push_back(predecessor.get());
  prepare_child(settings_.process_name, std::move(kept));
  WorkOrder order{.name = std::move(packet.payload),
                  .channel = std::move(channel),
                  .predecessor = std::move(predecessor),
                  .parent = parent};
  work_(order);
  ::_exit(0);
}

/// The last one: it waits for those before it.
Descriptor ForkedWorkers::predecessor_of(const std::string& name) const {
  for (const auto& child : children_ | std::views::reverse) {
    if (child.name == name) return Descriptor{::dup(child.process.get())};
  }
  return {};
}

void ForkedWorkers::reap() {
  for (;;) {
    int status = 0;
    const auto pid = uninterrupted([&] { return ::waitpid(-1, &status, WNOHANG); });
    if (pid <= 0) return;
    std::erase_if(children_, [pid](const Child& child) { return child.pid == pid; });
  }
}

}  // namespace posthorn::system
