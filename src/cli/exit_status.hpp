// What the program ends with: sysexits(3), which scripts and mail software know.
#pragma once

namespace posthorn::cli {

enum class ExitStatus : int {
  ok = 0,
  failed = 1,          ///< it ran, and the answer is no (a simulation, a measurement)
  usage = 64,          ///< the command line is wrong
  bad_data = 65,       ///< what was read is wrong
  no_input = 66,       ///< a file that was named is not there or cannot be read
  no_user = 67,        ///< a user that was named is not there
  no_host = 68,        ///< a host that was named is not there
  unavailable = 69,    ///< refused for good
  internal = 70,       ///< our fault
  system_fault = 71,   ///< the operating system refuses what it must give
  cannot_create = 73,  ///< a file could not be written
  io_fault = 74,       ///< reading or writing failed on the way
  temporary = 75,      ///< try again later; also: the state is in use by a running server
  protocol = 76,       ///< the other side broke the protocol
  no_permission = 77,
  configuration = 78,
};

}  // namespace posthorn::cli
