// This process: its limits, its rights, and its parent.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <sys/types.h>
#include <cstdint>
#include <string>

namespace posthorn::system {

/// No program that is started from here on gets rights that we have not (PR_SET_NO_NEW_PRIVS).
Result<> refuse_new_privileges();
/// No core file, and no other process of the same account looks into our memory (PR_SET_DUMPABLE).
Result<> refuse_dumps();
/// What ps and top call this process: 15 characters.
void name_process(const std::string& name);
/// This process gets `signal` when `parent` ends, also if it has ended already (PR_SET_PDEATHSIG).
Result<> die_with_parent(pid_t parent, int signal);

/// Waits, with nothing else to do: before there is a loop.
void pause_for(Duration time);

/// Raises the limit of descriptors to what is allowed, and returns it.
Result<std::uint64_t> raise_descriptor_limit();

/// How many connections fit into a limit of descriptors.
struct DescriptorBudget {
  std::uint64_t incoming = 0;  ///< connections from clients, at most as many as were wanted
  std::uint64_t outgoing = 0;  ///< kept for deliveries: FAULTS F23
};

/// `loops` and the files of the spool, the log and the rest have their share first. At least one of each.
[[nodiscard]] DescriptorBudget divide_descriptors(std::uint64_t limit, std::uint64_t wanted_incoming, unsigned loops);

}  // namespace posthorn::system
