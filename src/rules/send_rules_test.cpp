#include "rules/send_rules.hpp"

#include <gtest/gtest.h>

#include <array>

namespace posthorn::rules {
namespace {

using Kind = smtp::Outcome::Kind;
using Reason = smtp::SessionEnd::Reason;
using enum SendVerdict;
using namespace std::chrono_literals;

smtp::Outcome outcome(Kind kind, unsigned code) { return {.kind = kind, .code = code, .text = "words"}; }

TEST(SendRules, say_what_follows_from_an_attempt) {
  struct Row {
    std::string_view name;
    SendReport report;
    SendVerdict verdict;
    bool waits;
  };
  const auto delivered_one = outcome(Kind::delivered, 250);
  const auto later_one = outcome(Kind::temporary, 450);
  const auto refused_one = outcome(Kind::permanent, 550);
  const smtp::Outcome open_one{};
  const auto end = [](Reason reason, smtp::Step step) { return smtp::SessionEnd{.reason = reason, .step = step}; };
  const std::array<Row, 14> rows{{
      {"everybody has it", {.outcomes = {delivered_one, delivered_one}}, delivered, false},
      {"greylisted", {.outcomes = {later_one}}, later, true},
      {"one has it, one waits", {.outcomes = {delivered_one, later_one}}, later, true},
      {"one refused, one waits", {.outcomes = {refused_one, later_one}}, refused, true},
      {"refused", {.outcomes = {delivered_one, refused_one}}, refused, false},
      {"421 at the greeting",
       {.outcomes = {open_one}, .end = end(Reason::refused_for_now, smtp::Step::greeting)},
       later,
       true},
      {"554 at the greeting",
       {.outcomes = {open_one}, .end = end(Reason::refused_for_good, smtp::Step::greeting)},
       refused,
       true},
      {"wrong password",
       {.outcomes = {open_one}, .end = end(Reason::refused_for_good, smtp::Step::auth)},
       login_refused,
       true},
      {"lost", {.outcomes = {open_one}, .end = end(Reason::connection_lost, smtp::Step::mail)}, lost, true},
      {"in doubt",
       {.outcomes = {outcome(Kind::unknown, 0)}, .end = end(Reason::timed_out, smtp::Step::final_dot)},
       lost,
       true},
      {"lost after everybody had it",
       {.outcomes = {delivered_one}, .end = end(Reason::connection_lost, smtp::Step::quit)},
       delivered,
       false},
      {"no SMTP", {.outcomes = {open_one}, .end = end(Reason::protocol_error, smtp::Step::greeting)}, protocol, true},
      {"nobody there", {.outcomes = {open_one}, .unreachable = "refused"}, unreachable, true},
      {"no TLS", {.outcomes = {open_one}, .end = end(Reason::tls_not_offered, smtp::Step::starttls)}, no_tls, true},
  }};
  for (const auto& row : rows) {
    EXPECT_EQ(verdict_on(row.report), row.verdict) << row.name;
    EXPECT_EQ(has_waiting(row.report), row.waits) << row.name;
  }
}

TEST(SendRules, quote_the_reply_that_decided) {
  EXPECT_EQ(last_words({.outcomes = {outcome(Kind::delivered, 250), outcome(Kind::temporary, 450)}}), "450 words");
  EXPECT_EQ(last_words({.outcomes = {{}}, .end = smtp::SessionEnd{.code = 421, .text = "busy"}}), "421 busy");
  EXPECT_EQ(last_words({.unreachable = "nobody there"}), "nobody there");
  EXPECT_EQ(refusal({.outcomes = {outcome(Kind::temporary, 450), outcome(Kind::permanent, 550)}}), "550 words");
  EXPECT_EQ(refusal({.outcomes = {outcome(Kind::temporary, 450)}}), "");
  EXPECT_EQ(last_words({.outcomes = {outcome(Kind::delivered, 250)}}), "");
}

TEST(SendRules, wait_as_long_as_the_user_or_the_server_says) {
  struct Row {
    std::optional<Duration> retry_after;
    std::string_view words;
    Duration age;
    std::optional<Duration> wait;
  };
  const std::array<Row, 8> rows{{
      {std::nullopt, "450 busy", 0s, 20min},
      {std::nullopt, "450 Greylisted, try again in 300 seconds", 0s, 5min},
      {7min, "450 Greylisted, try again in 300 seconds", 0s, 7min},
      {std::nullopt, "450 try again in 0 seconds", 0s, 1s},
      {std::nullopt, "450 try again in 900 days", 0s, std::chrono::days{1}},
      {2h, "450 busy", std::chrono::days{5} - 1h, 1h},
      {2h, "450 busy", std::chrono::days{5}, std::nullopt},
      {2h, "450 busy", std::chrono::days{6}, std::nullopt},
  }};
  for (const auto& row : rows) {
    EXPECT_EQ(next_wait({.retry_after = row.retry_after}, row.words, row.age), row.wait) << row.words;
  }
}

}  // namespace
}  // namespace posthorn::rules
