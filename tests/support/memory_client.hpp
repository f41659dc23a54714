// A driver of smtp::ClientSession in memory: it performs the effects, answers the questions as planned, and keeps a trace of
// everything that came out, which must not depend on how the bytes were cut.
#pragma once

#include "smtp/client_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::testing {

class MemoryClient {
 public:
  /// How many of so many octets come in one piece; at least one.
  using Cut = std::function<std::size_t(std::size_t)>;
  static std::size_t whole(std::size_t left) { return left; }

  /// What will be answered to the next question of each kind; without a plan the handshake succeeds, PLAIN is used, and the
  /// message is read.
  struct Answers {
    std::deque<std::string> tls_failures;
    std::deque<std::string> mechanisms;  ///< "PLAIN", or "PLAIN response"; empty: cannot
    std::deque<std::string> responses;   ///< to challenges; empty: cannot
    std::deque<std::string> message_failures;
    std::deque<std::string> early;  ///< bytes found before the next send that expects silence
    unsigned failing_writes = 0;
  };

  struct Done {
    std::string recipient;
    smtp::Outcome outcome;
    bool needs_seven_bit = false;
    bool dsn_passed_on = false;
  };

  MemoryClient(smtp::ClientSettings settings, Cut cut)
      : session_(std::make_shared<const smtp::ClientSettings>(std::move(settings))), cut_(std::move(cut)) {
    run();
  }

  smtp::ClientSession& session() { return session_; }
  Answers& answers() { return answers_; }

  void give(smtp::ClientMessage message, std::string text) {
    recipients_.clear();
    for (const auto& recipient : message.envelope.recipients) recipients_.push_back(recipient.address.to_string());
    text_ = std::move(text);
    session_.send(std::move(message));
    run();
  }

  /// The server says this, in pieces. `together`: all of it is there before the client does anything.
  void hear(std::string_view bytes, bool together) {
    while (!bytes.empty()) {
      const std::string piece(bytes.substr(0, cut_(bytes.size())));  // memory of its own, gone after the call
      bytes.remove_prefix(piece.size());
      session_.receive(piece);
      if (!together) run();
    }
    run();
  }

  /// Performs effects until the session waits.
  void run() {
    while (perform(session_.next())) {
    }
  }

  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
  [[nodiscard]] std::deque<Done>& done() { return done_; }
  [[nodiscard]] const std::string& trace() const { return trace_; }
  [[nodiscard]] const std::string& states() const { return states_; }
  [[nodiscard]] bool is_closed() const { return closed_.has_value(); }
  [[nodiscard]] bool is_idle() const { return idle_; }
  [[nodiscard]] const std::optional<smtp::SessionEnd>& end() const { return closed_; }
  [[nodiscard]] std::optional<smtp::Step> awaited() const { return awaited_; }

 private:
  /// False: there is nothing to do before the next event.
  bool perform(const smtp::ClientEffect& effect) {
    idle_ = std::holds_alternative<smtp::AwaitMessage>(effect);
    awaited_.reset();
    return std::visit([this](const auto& one) { return do_one(one); }, effect);
  }

  bool do_one(const smtp::SendBytes& send) {
    if (send.expects_silence && !answers_.early.empty()) {
      session_.spoke_early(take(answers_.early));
    } else if (answers_.failing_writes > 0) {
      --answers_.failing_writes;
      session_.write_failed("broken pipe");
    } else {
      output_ += send.bytes;
      trace_ += send.bytes;
    }
    return true;
  }
  bool do_one(const smtp::AwaitReply& await) {
    awaited_ = await.step;
    return false;
  }
  bool do_one(const smtp::AwaitMessage& /*idle*/) { return false; }

  bool do_one(const smtp::NeedContent& /*question*/) {
    if (!answers_.message_failures.empty()) {
      session_.message_failed(take(answers_.message_failures));
    } else if (text_.empty()) {
      session_.end_message();
    } else {
      const auto count = cut_(text_.size());
      session_.provide(std::string_view(text_).substr(0, count));
      text_.erase(0, count);
    }
    return true;
  }
  bool do_one(const smtp::UpgradeToTls& /*question*/) {
    note("[handshake]");
    if (answers_.tls_failures.empty()) {
      session_.tls_started();
    } else {
      session_.tls_failed(take(answers_.tls_failures));
    }
    return true;
  }
  bool do_one(const smtp::StartAuthentication& question) {
    note(fmt::format("[authenticate by {}]", fmt::join(question.mechanisms, " ")));
    const auto plan = answers_.mechanisms.empty() ? "PLAIN x" : take(answers_.mechanisms);
    const auto space = plan.find(' ');
    if (plan.empty()) {
      session_.cannot_authenticate("no password");
    } else if (space == std::string::npos) {
      session_.authenticate(plan, std::nullopt);
    } else {
      session_.authenticate(plan.substr(0, space), Secret{plan.substr(space + 1)});
    }
    return true;
  }
  bool do_one(const smtp::AnswerChallenge& question) {
    note(fmt::format("[challenge {}]", question.octets));
    const auto response = answers_.responses.empty() ? std::string{} : take(answers_.responses);
    if (response.empty()) {
      session_.cannot_authenticate("an unknown challenge");
    } else {
      session_.respond(Secret{response});
    }
    return true;
  }
  bool do_one(const smtp::DialogueLine& line) {
    note((line.direction == smtp::DialogueLine::Direction::sent ? ">>> " : "<<< ") + line.text);
    return true;
  }
  bool do_one(const smtp::StateChanged& change) {
    states_ += fmt::format("[{}]", smtp::name_of(change.state));
    note(fmt::format("[{}]", smtp::name_of(change.state)));
    return true;
  }
  bool do_one(const smtp::MessageDone& done) {
    for (std::size_t i = 0; i < done.outcomes.size(); ++i) {
      const auto& outcome = done.outcomes.at(i);
      note(fmt::format("[outcome {} {} {} {} {}]", recipients_.at(i), static_cast<int>(outcome.kind),
                       outcome.status.to_string(), outcome.code, outcome.text));
      done_.push_back({recipients_.at(i), outcome, done.needs_seven_bit, done.dsn_passed_on});
    }
    return true;
  }
  bool do_one(const smtp::CloseConnection& close) {
    if (closed_) return false;
    note(fmt::format("[closed {} {} {}]", static_cast<int>(close.end.reason), close.end.code, close.end.text));
    closed_ = close.end;
    return false;
  }

  void note(std::string_view line) { trace_.append(line).append("\n"); }
  static std::string take(std::deque<std::string>& planned) {
    auto first = std::move(planned.front());
    planned.pop_front();
    return first;
  }

  smtp::ClientSession session_;
  Cut cut_;
  Answers answers_;
  std::vector<std::string> recipients_;
  std::string text_;  // of the message, what is left
  std::string output_;
  std::string trace_;
  std::string states_;
  std::deque<Done> done_;
  std::optional<smtp::SessionEnd> closed_;
  std::optional<smtp::Step> awaited_;
  bool idle_ = false;
};

}  // namespace posthorn::testing
