#include "support/run_program.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>

namespace posthorn::test {
namespace {

/// In the child: becomes the program. It dies with the test.
[[noreturn]] void become_program(std::vector<std::string> words, const std::string& folder, int output) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string path = std::getenv("PATH") == nullptr ? "" : std::getenv("PATH");
  ::setenv("PATH", (path + ":/usr/sbin:/sbin").c_str(), 1);
  if (::chdir(folder.c_str()) == 0) ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

}  // namespace

ProgramOutcome run_program(const std::vector<std::string>& words, const std::string& folder) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {};
  const auto pid = ::fork();
  if (pid == 0) become_program(words, folder, pipe[1]);
  ::close(pipe[1]);
  ProgramOutcome outcome;
  std::array<char, 4'096> piece{};
  for (;;) {
    const auto got = ::read(pipe[0], piece.data(), piece.size());
    if (got <= 0) break;
    outcome.output.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(pipe[0]);
  int status = 0;
  if (pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  return outcome;
}

RunningProgram::RunningProgram(const std::vector<std::string>& words, const std::string& folder) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  pid_ = ::fork();
  if (pid_ == 0) become_program(words, folder, nowhere);
  ::close(nowhere);
}

RunningProgram::~RunningProgram() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

bool RunningProgram::is_running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

}  // namespace posthorn::test
