// posthorn_planted: `posthorn sim` alone, on a server in which one of the planted faults may be active (cmake/planted.cmake).
#include "cli/sim_command.hpp"

#include <span>

int main(int count, char** words) {
  using namespace posthorn::cli;
  auto console = Console::standard();
  const std::span given(words, static_cast<std::size_t>(count));
  Invocation invocation{.called = "posthorn_planted sim", .arguments = {}};
  for (const auto* word : given.subspan(1)) invocation.arguments.emplace_back(word);
  return static_cast<int>(run_sim(invocation, console));
}
