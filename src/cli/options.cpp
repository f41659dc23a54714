#include "cli/options.hpp"

#include <algorithm>

namespace posthorn::cli {

Options::Options(const Invocation& invocation, std::string purpose)
    : invocation_(invocation), app_(std::move(purpose), invocation.called) {
  app_.set_help_flag("-h,--help", "this text");
}

std::optional<ExitStatus> Options::read(Console& console) {
  // CLI11 takes the words from the back.
  std::vector<std::string> words(invocation_.arguments.rbegin(), invocation_.arguments.rend());
  try {
    app_.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    console.print("{}", app_.help());
    return ExitStatus::ok;
  } catch (const CLI::ParseError& fault) {
    return refuse(console, fault.what());
  }
  return std::nullopt;
}

ExitStatus Options::refuse(Console& console, std::string_view why) const {
  console.complain("{}", why);
  console.remark("Try \"{} --help\".\n", invocation_.called);
  return ExitStatus::usage;
}

}  // namespace posthorn::cli
