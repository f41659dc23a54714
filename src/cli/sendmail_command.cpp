#include "cli/sendmail_command.hpp"

#include "cli/command_description.hpp"
#include "cli/newaliases_command.hpp"
#include "cli/program.hpp"
#include "cli/queue_command.hpp"
#include "cli/sendmail_message.hpp"
#include "cli/sendmail_options.hpp"
#include "cli/sendmail_place.hpp"
#include "cli/sendmail_session.hpp"

#include <csignal>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::string_view purpose =
    "Hands a message from standard input to the mail server of this machine, whether it runs or not: it is kept "
    "durably in "
    "the drop folder, from which the server takes it. Taken as other servers' sendmail is, by cron, PHP, git and the "
    "rest.";

constexpr std::string_view ending =
    "Exit status: 0 the message is kept; 64 wrong usage, no recipients; 65 an address is none, or the text is no mail; "
    "75 not now; 77 this account may not; 78 the configuration is bad.";

CommandDescription describe(const Invocation& invocation) {
  CommandDescription description{
      .called = invocation.called,
      .purpose = std::string(purpose),
      .ending = std::string(ending),
      .words = {{.names = {"RECIPIENT..."}, .value = {}, .text = "addresses, or names of local users", .usual = {}}},
      .options = {},
      .below = {}};
  for (const auto& option : sendmail_option_texts()) {
    description.options.push_back({.names = {std::string(option.name)},
                                   .value = std::string(option.value),
                                   .text = std::string(option.text),
                                   .usual = {}});
  }
  return description;
}

void print_help(const Invocation& invocation, Console& console) {
  console.print("{}\n\nUsage: {} [OPTIONS] [RECIPIENT…] < MESSAGE\n\nOptions:\n", purpose, invocation.called);
  for (const auto& option : sendmail_option_texts()) {
    auto left = std::string(option.name);
    if (!option.value.empty()) left += fmt::format(" {}", option.value);
    console.print("  {:<26} {}\n", left, option.text);
  }
  console.print("\n{}\n", ending);
}

/// The same options for another command.
Invocation passed_on(std::string called, std::vector<std::string> words, const SendmailOptions& options) {
  if (!options.configuration.empty()) words.insert(words.end(), {"-c", options.configuration});
  return {std::move(called), std::move(words)};
}

ExitStatus tell(const ConfigurationFaults& faults, Console& console) {
  for (const auto& line : faults.lines) console.complain("{}", line);
  return faults.status;
}

}  // namespace

ExitStatus run_sendmail(const Invocation& invocation, Console& console) {
  if (invocation.description != nullptr) {
    *invocation.description = describe(invocation);
    return ExitStatus::ok;
  }
  const auto options = parse_sendmail_options(invocation.arguments);
  if (!options) {
    console.complain("{}", options.error());
    console.remark("Try \"{} --help\".\n", invocation.called);
    return ExitStatus::usage;
  }
  using enum SendmailOptions::Mode;
  switch (options->mode) {
    case help:
      print_help(invocation, console);
      return ExitStatus::ok;
    case version:
      console.print("posthorn {}\n", posthorn::cli::version);
      return ExitStatus::ok;
    case list_queue:
      return run_mailq(passed_on("mailq", {}, *options), console);
    case check_aliases:
      return run_newaliases(passed_on("newaliases", {}, *options), console);
    case flush_queue:
      return run_queue(passed_on("posthorn queue", {"retry", "--all"}, *options), console);
    case deliver:
    case smtp:
      break;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const auto place = find_sendmail_place(options->configuration);
  if (!place) return tell(place.error(), console);
  if (options->mode == smtp) return SendmailSession(*place).run();
  return SendmailMessage(*options, *place, console).run();
}

}  // namespace posthorn::cli
