// Programs that tests start: run to their end with their output, or kept until the object goes.
#pragma once

#include <sys/types.h>
#include <string>
#include <vector>

namespace posthorn::test {

struct ProgramOutcome {
  int status = -1;  ///< exit status; -1: it could not be started or was killed
  std::string output;
};

/// `words` are the program, found along PATH and /usr/sbin, and its arguments; `folder` is where it runs.
ProgramOutcome run_program(const std::vector<std::string>& words, const std::string& folder);

/// A program that runs until this object is destroyed (SIGTERM, then waited for).
class RunningProgram {
 public:
  RunningProgram(const std::vector<std::string>& words, const std::string& folder);
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram();

  /// Whether it has not ended by itself.
  [[nodiscard]] bool is_running();

 private:
  pid_t pid_ = -1;
};

}  // namespace posthorn::test
