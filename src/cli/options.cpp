#include "cli/options.hpp"

#include "cli/command_description.hpp"

#include <algorithm>

namespace posthorn::cli {
namespace {

constexpr std::string_view help_name = "--help";

OptionDescription describe(const CLI::Option& option) {
  OptionDescription description{.names = {},
                                .value = {},
                                .text = option.get_description(),
                                .usual = option.get_default_str(),
                                .is_required = option.get_required()};
  if (option.get_positional()) {
    description.names = {option.get_name(true, false)};
    return description;
  }
  for (const auto& name : option.get_snames()) description.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) description.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) description.value = "VALUE";
  return description;
}

CommandDescription describe(const CLI::App& app, const std::string& called) {
  CommandDescription description{.called = called,
                                 .purpose = app.get_description(),
                                 .ending = app.get_footer(),
                                 .words = {},
                                 .options = {},
                                 .below = {}};
  for (const auto* option : app.get_options()) {
    if (option->check_lname(std::string(help_name.substr(2)))) continue;
    (option->get_positional() ? description.words : description.options).push_back(describe(*option));
  }
  for (const auto* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    description.below.push_back(describe(*below, called + " " + below->get_name()));
  }
  return description;
}

/// CLI11 turns "-1" into the largest number there is.
void refuse_negative(CLI::App& app) {
  const CLI::Validator counts(
      [](const std::string& text) { return text.starts_with('-') ? "takes no negative number" : std::string{}; }, "");
  for (auto* option : app.get_options([](const CLI::Option*) { return true; })) {
    if (option->get_type_name().starts_with("UINT")) option->check(counts);
  }
  for (auto* below : app.get_subcommands([](const CLI::App*) { return true; })) refuse_negative(*below);
}

}  // namespace

Options::Options(const Invocation& invocation, std::string purpose)
    : invocation_(invocation), app_(std::move(purpose), invocation.called) {
  app_.set_help_flag("-h,--help", "this text");
}

std::optional<ExitStatus> Options::read(Console& console) {
  if (invocation_.description != nullptr) {
    *invocation_.description = describe(app_, invocation_.called);
    return ExitStatus::ok;
  }
  refuse_negative(app_);
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
