#include "cli/program.hpp"

#include "cli/command.hpp"
#include "cli/options.hpp"
#include "support/captured_console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

namespace posthorn::cli {
namespace {

using posthorn::testing::CapturedConsole;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

struct Outcome {
  int status;
  std::string out;
  std::string error;
};

Outcome run(std::vector<std::string> words) {
  CapturedConsole captured;
  const auto status = run_program(words, captured.console());
  return {status, captured.out(), captured.error()};
}

TEST(Program, answers_what_is_asked_of_it_as_a_whole) {
  struct Row {
    std::vector<std::string> words;
    int status;
    std::string out;
    std::string error;
  };
  const std::string usage = "usage: posthorn COMMAND";
  const std::array<Row, 9> rows{{
      {{"posthorn", "--version"}, 0, "posthorn 0.", ""},
      {{"posthorn", "-V"}, 0, "posthorn 0.", ""},
      {{"posthorn", "help"}, 0, usage, ""},
      {{"posthorn", "--help"}, 0, usage, ""},
      {{"posthorn", "-h"}, 0, usage, ""},
      {{"posthorn", "help", "help"}, 0, usage, ""},
      {{"/usr/sbin/posthorn"}, 64, "", usage},
      {{"posthorn", "hepl"}, 64, "", "did you mean \"posthorn help\"?"},
      {{"posthorn", "--frobnicate"}, 64, "", "there is no such command"},
  }};
  for (const auto& row : rows) {
    const auto outcome = run(row.words);
    EXPECT_EQ(outcome.status, row.status) << row.words.back();
    EXPECT_THAT(outcome.out, row.out.empty() ? ::testing::Matcher<std::string>(IsEmpty()) : HasSubstr(row.out));
    EXPECT_THAT(outcome.error, row.error.empty() ? ::testing::Matcher<std::string>(IsEmpty()) : HasSubstr(row.error));
  }
}

TEST(Program, does_not_repeat_a_word_that_is_no_command) {
  const auto outcome = run({"posthorn", "\x1b[2Jclear"});
  EXPECT_EQ(outcome.status, 64);
  EXPECT_EQ(outcome.error.find('\x1b'), std::string::npos);
}

TEST(Program, takes_no_negative_number_for_a_count) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"posthorn", "sim", "--seed", "-1"},
                                                {"posthorn", "sim", "--seed=-1"},
                                                {"posthorn", "sim", "--exhaustive", "1", "--outcomes", "-1"}}) {
    const auto outcome = run(words);
    EXPECT_EQ(outcome.status, 64) << words.back();
    EXPECT_THAT(outcome.error, HasSubstr("takes no negative number"));
  }
}

TEST(Program, survives_a_call_without_a_name) { EXPECT_EQ(run({}).status, 64); }

TEST(Program, says_when_its_output_cannot_be_written) {
  const posthorn::testing::FullStream full;
  Console console(full.file, stderr, {});
  EXPECT_EQ(run_program(std::vector<std::string>{"posthorn", "help"}, console), static_cast<int>(ExitStatus::io_fault));
}

TEST(Program, lists_every_command_once_with_a_sentence) {
  std::set<std::string_view> names;
  const auto list = run({"posthorn", "help"}).out;
  for (const auto& command : all_commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_THAT(list, HasSubstr("  " + std::string(command.name) + " "));
    EXPECT_FALSE(command.sentence.empty()) << command.name;
    EXPECT_FALSE(command.sentence.ends_with('.')) << command.name;
  }
}

TEST(Program, gives_every_command_a_help_text) {
  for (const auto& command : all_commands()) {
    const auto outcome = run({"posthorn", "help", std::string(command.name)});
    EXPECT_EQ(outcome.status, 0) << command.name;
    EXPECT_THAT(outcome.out, HasSubstr("posthorn")) << command.name;
    EXPECT_THAT(outcome.error, IsEmpty()) << command.name;
  }
}

TEST(Console, paints_only_where_it_may) {
  CapturedConsole captured({.out = true, .error = false});
  EXPECT_EQ(captured.console().painted(Paint::good, "fine"), "\x1b[32mfine\x1b[0m");
  EXPECT_EQ(captured.console().painted_error(Paint::good, "fine"), "fine");
}

struct Read {
  std::optional<ExitStatus> status;
  std::string out;
  std::string error;
  bool four = false;
  std::string name;
};

Read read_options(std::vector<std::string> arguments) {
  const Invocation invocation{"posthorn try", std::move(arguments)};
  CapturedConsole captured;
  Options options(invocation, "tries");
  Read read;
  options.app().add_flag("-4", read.four, "IPv4 only");
  options.app().add_option("--name", read.name, "a name");
  read.status = options.read(captured.console());
  read.out = captured.out();
  read.error = captured.error();
  return read;
}

TEST(Options, are_read_and_faults_end_with_usage) {
  const auto good = read_options({"-4", "--name", "x"});
  EXPECT_FALSE(good.status);
  EXPECT_TRUE(good.four);
  EXPECT_EQ(good.name, "x");

  const auto help = read_options({"--help"});
  EXPECT_EQ(help.status, ExitStatus::ok);
  EXPECT_THAT(help.out, AllOf(HasSubstr("posthorn try"), HasSubstr("tries"), HasSubstr("-4")));

  for (const auto& wrong : {std::vector<std::string>{"--nonsense"}, {"surplus"}, {"--name"}, {"-5"}}) {
    const auto refused = read_options(wrong);
    EXPECT_EQ(refused.status, ExitStatus::usage) << wrong.front();
    EXPECT_THAT(refused.error, AllOf(StartsWith("posthorn: "), HasSubstr("posthorn try --help"))) << wrong.front();
    EXPECT_THAT(refused.out, IsEmpty());
  }
}

}  // namespace
}  // namespace posthorn::cli
