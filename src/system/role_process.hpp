// Processes of our own that are executed anew, so that each has a memory layout that the others do not know: the program
// runs itself with the name of a role. The child has standard error, its end of a control channel as descriptor 3, what is
// named as kept open, and nothing else; it becomes its account before it runs, gets no new privileges, and is killed when
// its parent ends.
#pragma once

#include "base/result.hpp"
#include "system/account.hpp"
#include "system/control_channel.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::system {

struct RoleOrder {
  std::string name;                    ///< of the process, for ps: at most 15 characters
  std::vector<std::string> arguments;  ///< of the program, without its name
  std::optional<Account> account;      ///< whom to become; none: stay what we are
  int oom_score = 0;                   ///< added to our own: the higher, the sooner it is killed for want of memory
  std::vector<int> kept;               ///< descriptors that stay open, for as long as it lives
};

struct RoleProcess {
  pid_t pid = 0;
  ControlChannel channel;
};

/// Before threads are started. Errors: no_memory (no more processes), not_permitted, not_found.
Result<RoleProcess> start_role(const RoleOrder& order);

/// In the child: the channel to the parent. Errors: invalid (somebody else started us).
Result<ControlChannel> adopt_role_channel();

/// A child that has ended, with its wait status; none: none has. Never waits.
struct EndedChild {
  pid_t pid = 0;
  int status = 0;

  [[nodiscard]] bool was_killed() const;
  [[nodiscard]] int exit_status() const;
  /// "ended with status 71", "was ended by signal 9"
  [[nodiscard]] std::string to_text() const;
};
std::optional<EndedChild> take_ended_child();

void kill_process(pid_t pid);

}  // namespace posthorn::system
