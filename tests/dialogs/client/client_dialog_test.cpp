// Plays every .dialog file of this folder against smtp::ClientSession (README.md), whole and cut in every way, and compares
// what came out (FAULTS I18).
#include "dialogs/client/client_dialog.hpp"
#include "base/ascii.hpp"
#include "dialogs/dialog.hpp"
#include "support/memory_client.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace posthorn::testing {
namespace {

using Cut = MemoryClient::Cut;

std::string_view name_of(smtp::Outcome::Kind kind) {
  static constexpr std::array<std::string_view, 5> names{"delivered", "temporary", "permanent", "unknown", "untried"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string_view name_of(smtp::SessionEnd::Reason reason) {
  static constexpr std::array<std::string_view, 10> names{
      "finished",       "refused_for_now", "refused_for_good", "connection_lost",   "timed_out",
      "protocol_error", "tls_failed",      "tls_not_offered",  "no_authentication", "message_failed"};
  return names.at(static_cast<std::size_t>(reason));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

/// Plays a dialogue once.
class Player {
 public:
  Player(const ClientDialog& dialog, Cut cut) : dialog_(dialog), client_(dialog.settings, std::move(cut)) {
    together_ = std::ranges::any_of(dialog.steps, [](const ClientStep& step) {
      const auto* event = std::get_if<ClientEvent>(&step.what);
      return event != nullptr && event->name == "together";
    });
  }

  void play() {
    for (const auto& step : dialog_.steps) {
      line_ = step.line;
      std::visit([this](const auto& one) { perform(one); }, step.what);
      if (!fault_.empty()) return;
    }
    expect_nothing();
    if (client_.is_closed() && !end_told_) fail("the end of the session is not told");
  }

  [[nodiscard]] const std::string& fault() const { return fault_; }
  [[nodiscard]] const std::string& trace() const { return client_.trace(); }

 private:
  void fail(const std::string& what) {
    if (fault_.empty()) fault_ = fmt::format("line {}: {}", line_, what);
  }

  void expect_nothing() {
    listen();
    if (!said_.empty()) fail("not told: " + said_.front());
    if (!client_.done().empty()) fail("an outcome is not told: " + describe(client_.done().front()));
  }

  void listen() {
    for (auto& line : lines_of(client_.take_output())) said_.push_back(std::move(line));
  }

  void perform(const ServerSays& server) {
    expect_nothing();
    client_.hear(server.bytes, together_);
  }

  void perform(const ClientSaid& client) {
    listen();
    for (const auto& pattern : client.patterns) {
      const auto found = said_.empty() ? "nothing" : said_.front();
      if (said_.empty() || !matches(pattern, found))
        return fail(fmt::format("expected {}, the client said {}", pattern, found));
      said_.erase(said_.begin());
    }
  }

  void perform(const GiveMessage& given) { client_.give(given.message, given.text); }

  void perform(const ClientEvent& event) {
    if (event.name == "done") return expect_done(event.words);
    if (event.name == "end") return expect_end(event.words);
    if (event.name == "states") return compare(client_.states(), event.words);
    if (event.name == "awaits") return expect_awaited(event.words);
    if (event.name == "idle") return client_.is_idle() ? void() : fail("the session is not idle");
    if (event.name == "last") return expect_last(event.words);
    if (event.name == "together") return;
    happen(event);
  }

  void happen(const ClientEvent& event) {
    auto& answers = client_.answers();
    if (event.name == "early") return answers.early.push_back(unescape(event.words) + "\r\n");
    if (event.name == "tls_fails") return answers.tls_failures.push_back(event.words);
    if (event.name == "mechanism") return answers.mechanisms.push_back(event.words);
    if (event.name == "response") return answers.responses.push_back(event.words);
    if (event.name == "message_fails") return answers.message_failures.push_back(event.words);
    if (event.name == "write_fails") return void(++answers.failing_writes);
    auto& session = client_.session();
    if (event.name == "lost") {
      session.connection_lost("connection reset");
    } else if (event.name == "timeout") {
      session.timed_out();
    } else if (event.name == "quit") {
      session.quit();
    } else {
      return fail("no such event: " + event.name);
    }
    client_.run();
  }

  static std::string describe(const MemoryClient::Done& done) {
    const auto& outcome = done.outcome;
    return fmt::format("{} {} {} {} {} {}", done.recipient, name_of(outcome.kind), outcome.status.to_string(),
                       outcome.code, smtp::name_of(outcome.step), outcome.text);
  }

  void expect_done(const std::string& pattern) {
    if (client_.done().empty()) return fail("no outcome yet: " + pattern);
    const auto found = describe(client_.done().front());
    last_ = client_.done().front();
    client_.done().pop_front();
    if (!matches(pattern, found)) fail(fmt::format("expected {}, found {}", pattern, found));
  }

  /// What was said with the last outcome.
  void expect_last(const std::string& words) {
    if (!last_) return fail("no outcome yet");
    if (words == "needs_seven_bit" && !last_->needs_seven_bit) fail("no conversion is asked for");
    if (words == "as_it_is" && last_->needs_seven_bit) fail("a conversion is asked for");
    if (words == "dsn" && !last_->dsn_passed_on) fail("DSN was not passed on");
    if (words == "no_dsn" && last_->dsn_passed_on) fail("DSN was passed on");
  }

  void expect_end(const std::string& pattern) {
    const auto& end = client_.end();
    if (!end) return fail("the session has not ended");
    end_told_ = true;
    compare(fmt::format("{} {} {} {}", name_of(end->reason), end->code, smtp::name_of(end->step), end->text), pattern);
  }

  void expect_awaited(const std::string& step) {
    compare(client_.awaited() ? smtp::name_of(*client_.awaited()) : "nothing", step);
  }

  void compare(std::string_view found, const std::string& pattern) {
    if (!matches(pattern, found)) fail(fmt::format("expected {}, found {}", pattern, found));
  }

  const ClientDialog& dialog_;
  MemoryClient client_;
  std::vector<std::string> said_;
  std::optional<MemoryClient::Done> last_;
  std::string fault_;
  std::size_t line_ = 0;
  bool together_ = false;
  bool end_told_ = false;
};

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

class ClientDialogTest : public ::testing::Test {
 public:
  explicit ClientDialogTest(std::filesystem::path file) : file_(std::move(file)) {}

  void TestBody() override {
    const auto dialog = read_client_dialog(file_);
    Player whole(dialog, MemoryClient::whole);
    whole.play();
    ASSERT_EQ(whole.fault(), "") << whole.trace();
    const auto stride = 1 + dialog.server_octets / 1000;
    for (std::size_t place = 1; place < dialog.server_octets; place += stride) {
      compare(dialog, whole, cut_at(place), fmt::format("cut at octet {}", place));
    }
    if (dialog.server_octets < 100'000) compare(dialog, whole, [](std::size_t) { return 1; }, "in single octets");
    for (unsigned seed = 1; seed <= 20; ++seed) {
      compare(dialog, whole, random_cuts(seed), fmt::format("random cuts, seed {}", seed));
    }
  }

 private:
  static void compare(const ClientDialog& dialog, const Player& whole, Cut cut, const std::string& how) {
    Player player(dialog, std::move(cut));
    player.play();
    ASSERT_EQ(player.fault(), "") << how;
    ASSERT_EQ(player.trace(), whole.trace()) << how;
  }

  std::filesystem::path file_;
};

/// One test for each file, so that a failure names it.
[[maybe_unused]] const bool registered = [] {
  for (const auto& entry : std::filesystem::directory_iterator(POSTHORN_DIALOGS "/client")) {
    if (entry.path().extension() != ".dialog") continue;
    ::testing::RegisterTest("client", entry.path().stem().c_str(), nullptr, nullptr, entry.path().c_str(), 1,
                            [file = entry.path()]() -> ::testing::Test* { return new ClientDialogTest(file); });
  }
  return true;
}();

}  // namespace
}  // namespace posthorn::testing
