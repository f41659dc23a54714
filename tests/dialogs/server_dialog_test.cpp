// Plays every file of server/ (README.md), whole and cut in every way, and compares what came out (FAULTS I18).
#include "dialogs/dialog.hpp"
#include "support/memory_reception.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace posthorn::testing {
namespace {

using Cut = std::function<std::size_t(std::size_t)>;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

/// Takes the lines of a whole reply with this code from the front; whether there was one.
bool take_reply(std::vector<std::string>& lines, std::string_view code) {
  while (!lines.empty() && lines.front().starts_with(code)) {
    const bool is_last = lines.front().size() == 3 || lines.front().at(3) == ' ';
    lines.erase(lines.begin());
    if (is_last) return true;
  }
  return false;
}

/// Plays a dialogue once.
class Player {
 public:
  Player(const Dialog& dialog, Cut cut) : dialog_(dialog), cut_(std::move(cut)), server_(dialog.settings) {}

  void play() {
    if (!tells_start()) perform(DialogStart{});
    for (const auto& step : dialog_.steps) {
      line_ = step.line;
      std::visit([this](const auto& one) { perform(one); }, step.what);
      if (!fault_.empty()) return;
    }
    expect_nothing();
    if (server_.is_closed() != closed_told_) fail("the server closed the connection, which is not told");
    compare_stored();
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] const std::string& trace() const { return server_.trace(); }

 private:
  [[nodiscard]] bool tells_start() const {
    return std::ranges::any_of(dialog_.steps,
                               [](const auto& step) { return std::holds_alternative<DialogStart>(step.what); });
  }

  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = fmt::format("line {}: {}", line_, what);
  }

  void hear() { heard_ = lines_of(server_.take_output()); }

  void expect_nothing() {
    if (!heard_.empty()) fail("not told: " + heard_.front());
  }

  void perform(const DialogStart& start) {
    auto& session = server_.session();
    if (start.refusal) {
      session.refuse_session(*start.refusal);
    } else {
      session.start({.encrypted = start.tls, .has_binding = start.tls});
    }
    server_.run();
    hear();
  }

  void perform(const DialogSend& send) {
    expect_nothing();
    if (server_.is_closed() && !closed_told_) fail("the server closed the connection, which is not told");
    server_.send(send.bytes, cut_);
    hear();
  }

  void perform(const DialogExpect& expected) {
    for (const auto& pattern : expected.patterns) {
      const auto found = heard_.empty() ? "nothing" : heard_.front();
      const bool whole_reply = pattern.ends_with(" ...");
      if (whole_reply ? !take_reply(heard_, pattern.substr(0, 3)) : heard_.empty() || !matches(pattern, found)) {
        return fail(fmt::format("expected {}, heard {}", pattern, found));
      }
      if (!whole_reply) heard_.erase(heard_.begin());
    }
    if (expected.closed && !server_.is_closed()) fail("the server did not close the connection");
    closed_told_ = closed_told_ || expected.closed;
  }

  void perform(const DialogAnswer& answer) {
    auto& answers = server_.answers();
    if (answer.kind == "auth") return perform_auth(answer.words);
    if (answer.kind == "tls") return void(answers.tls.emplace_back(std::nullopt));
    const auto reply = read_reply(answer.words);
    if (answer.kind == "sender") return answers.sender.push_back(reply);
    if (answer.kind == "recipient") return answers.recipient.push_back(reply);
    if (answer.kind == "verify") return answers.verify.push_back(reply);
    if (answer.kind == "begin") return answers.begin.push_back(reply);
    if (answer.kind == "bytes") return answers.bytes.push_back(reply);
    if (answer.kind == "end") return answers.end.push_back(reply);
    fail("no such question: " + answer.kind);
  }

  void perform_auth(const std::string& words) {
    auto& answers = server_.answers().authentication;
    if (words.starts_with("challenge"))
      return void(answers.emplace_back(
          MemoryReception::Answers::Challenge{words.substr(std::min<std::size_t>(10, words.size()))}));
    if (words.starts_with("user ")) return void(answers.emplace_back(MemoryReception::Answers::User{words.substr(5)}));
    answers.emplace_back(read_reply(words));
  }

  void perform(const DialogEvent& event) {
    using Shutdown = smtp::ServerSession::Shutdown;
    auto& session = server_.session();
    expect_nothing();
    if (event.name == "timeout") {
      session.timed_out();
    } else if (event.name == "slow") {
      session.too_slow();
    } else if (event.name == "eof") {
      session.end_of_stream();
    } else if (event.name == "shutdown") {
      session.shut_down(Shutdown::after_message);
    } else if (event.name == "shutdown now") {
      session.shut_down(Shutdown::at_once);
    } else {
      fail("no such event: " + event.name);
    }
    server_.run();
    hear();
  }

  void compare_stored() {
    if (server_.stored().size() != dialog_.stored.size()) {
      return fail(fmt::format("{} messages were stored, {} are told", server_.stored().size(), dialog_.stored.size()));
    }
    for (std::size_t i = 0; i < dialog_.stored.size(); ++i)
      compare_message(dialog_.stored.at(i), server_.stored().at(i));
  }

  void compare_message(const DialogMessage& told, const MemoryReception::Message& stored) {
    const auto& sender = stored.envelope.sender;
    if (told.sender != "<" + (sender ? sender->to_string() : "") + ">")
      fail("another sender was stored than " + told.sender);
    std::vector<std::string> recipients;
    for (const auto& recipient : stored.envelope.recipients)
      recipients.push_back("<" + recipient.address.to_string() + ">");
    if (told.recipients != recipients) fail("other recipients were stored");
    if (told.text && *told.text != stored.text) fail("another text was stored: " + stored.text);
  }

  const Dialog& dialog_;
  Cut cut_;
  MemoryReception server_;
  std::vector<std::string> heard_;
  std::string fault_;
  std::size_t line_ = 0;
  bool closed_told_ = false;
};

/// One cut, after so many octets of the whole dialogue.
Cut cut_at(std::size_t place) {
  return [place, sent = std::size_t{0}](std::size_t left) mutable {
    const auto count = sent < place ? std::min(left, place - sent) : left;
    sent += count;
    return count;
  };
}

Cut random_cuts(unsigned seed) {
  return [generator = std::mt19937(seed)](std::size_t left) mutable {
    return std::uniform_int_distribution<std::size_t>{1, std::min<std::size_t>(left, 40)}(generator);
  };
}

class DialogTest : public ::testing::Test {
 public:
  explicit DialogTest(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    const auto dialog = read_dialog(file_);
    Player whole(dialog, MemoryReception::whole);
    whole.play();
    ASSERT_EQ(whole.fault(), "");

    // A dialogue of megabytes is cut at a thousand places, evenly spread.
    const auto stride = 1 + dialog.sent_octets / 1000;
    for (std::size_t place = 1; place < dialog.sent_octets; place += stride) {
      compare(dialog, whole, cut_at(place), fmt::format("cut at octet {}", place));
    }
    if (dialog.sent_octets < 100'000) compare(dialog, whole, [](std::size_t) { return 1; }, "in single octets");
    for (unsigned seed = 1; seed <= 20 && dialog.sent_octets < 1'000'000; ++seed) {
      compare(dialog, whole, random_cuts(seed), fmt::format("random cuts, seed {}", seed));
    }
  }

 private:
  static void compare(const Dialog& dialog, const Player& whole, Cut cut, const std::string& how) {
    Player player(dialog, std::move(cut));
    player.play();
    ASSERT_EQ(player.fault(), "") << how;
    ASSERT_EQ(player.trace(), whole.trace()) << how;
  }

  std::filesystem::path file_;
};

/// One test for each file, so that a failure names it.
[[maybe_unused]] const bool registered = [] {
  for (const auto& entry : std::filesystem::directory_iterator(POSTHORN_DIALOGS "/server")) {
    if (entry.path().extension() != ".dialog") continue;
    ::testing::RegisterTest("server", entry.path().stem().c_str(), nullptr, nullptr, entry.path().c_str(), 1,
                            [file = entry.path()]() -> ::testing::Test* { return new DialogTest(file); });
  }
  return true;
}();

TEST(Dialog, PatternsHoldStars) {
  EXPECT_TRUE(matches("250 *", "250 2.0.0 OK"));
  EXPECT_TRUE(matches("250 2.*K", "250 2.0.0 OK"));
  EXPECT_FALSE(matches("250 2.0.0", "250 2.0.0 OK"));
  EXPECT_FALSE(matches("251 *", "250 2.0.0 OK"));
}

}  // namespace
}  // namespace posthorn::testing
