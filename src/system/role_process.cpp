#include "system/role_process.hpp"

#include "system/child_process.hpp"
#include "system/machine.hpp"
#include "system/process.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <span>
#include <utility>

namespace posthorn::system {
namespace {

constexpr int channel_number = STDERR_FILENO + 1;
constexpr int exec_failed = 71;  // EX_OSERR

/// The service manager hears of the parent only.
bool is_for_parent_only(std::string_view variable) {
  constexpr std::array<std::string_view, 4> names{"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "LISTEN_FDS="};
  return std::ranges::any_of(names, [&](std::string_view name) { return variable.starts_with(name); });
}

std::vector<char*> environment_of_child() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!is_for_parent_only(*variable)) kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void write_oom_score(int more) {
  const auto before = read_file("/proc/self/oom_score_adj", 64);
  int score = 0;
  if (before) {
    for (const char each : *before) score = each >= '0' && each <= '9' ? score * 10 + (each - '0') : score;
    if (before->starts_with('-')) score = -score;
  }
  const auto text = std::to_string(std::clamp(score + more, -1000, 1000));
  const Descriptor file{::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)};
  if (file.is_open()) static_cast<void>(::write(file.get(), text.data(), text.size()) < 0);
}

/// In the child. The signals that the parent waits for stay blocked over the call: no handler, no default action.
[[noreturn]] void become_role(const RoleOrder& order, const ControlChannel& channel, pid_t parent) {
  const auto fail = [&](const std::string& why) {
    std::fprintf(stderr, "posthorn: start %s: %s\n", order.name.c_str(), why.c_str());
    ::_exit(exec_failed);
  };
  write_oom_score(order.oom_score);
  if (order.account) {
    if (const auto became = become(*order.account); !became) fail(became.error().text);
  }
  auto kept = order.kept;
  for (auto& number : kept) {  // out of the way of the channel's number
    if (number == channel_number) number = ::fcntl(number, F_DUPFD_CLOEXEC, channel_number + 1);
  }
  if (channel.descriptor() == channel_number)
    ::fcntl(channel_number, F_SETFD, 0);
  else
    ::dup2(channel.descriptor(), channel_number);
  kept.push_back(channel_number);
  prepare_child(order.name, kept);
  for (const int number : kept) ::fcntl(number, F_SETFD, 0);
  if (const auto follows = die_with_parent(parent, SIGKILL); !follows) fail(follows.error().text);
  auto words = order.arguments;
  words.insert(words.begin(), "posthorn");
  const auto arguments = pointers_to(words);
  const auto environment = environment_of_child();
  ::execve("/proc/self/exe", arguments.data(), environment.data());
  fail(error_text(errno));
  ::_exit(exec_failed);
}

}  // namespace

Result<RoleProcess> start_role(const RoleOrder& order) {
  auto ends = ControlChannel::make_pair();
  if (!ends) return failure(std::move(ends.error()));
  const auto parent = ::getpid();
  const auto pid = ::fork();
  if (pid < 0) return system_failure("start " + order.name);
  if (pid == 0) become_role(order, ends->second, parent);
  return RoleProcess{.pid = pid, .channel = std::move(ends->first)};
}

Result<ControlChannel> adopt_role_channel() {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(channel_number, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
    return failure(Error::Kind::invalid, "this is a part of `posthorn serve`, which starts it; it is not run by hand");
  }
  ::fcntl(channel_number, F_SETFD, FD_CLOEXEC);
  return ControlChannel{Descriptor{channel_number}};
}

std::optional<EndedChild> take_ended_child() {
  EndedChild child;
  child.pid = uninterrupted([&] { return ::waitpid(-1, &child.status, WNOHANG); });
  if (child.pid <= 0) return std::nullopt;
  return child;
}

bool EndedChild::was_killed() const { return WIFSIGNALED(status); }
int EndedChild::exit_status() const { return WIFEXITED(status) ? WEXITSTATUS(status) : exec_failed; }

std::string EndedChild::to_text() const {
  if (was_killed()) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(exit_status());
}

void kill_process(pid_t pid) {
  if (pid > 0) ::kill(pid, SIGKILL);
}

}  // namespace posthorn::system
