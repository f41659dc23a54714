// A receiving server for scenarios: takes what it is sent and remembers it; some of its answers can be set.
#pragma once

#include "sim/network.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace posthorn::scenarios {

class ReceivingServer {
 public:
  struct Letter {
    std::string sender;
    std::vector<std::string> recipients;
    std::string text;  ///< dots undone
  };

  ReceivingServer(sim::Loop& loop, sim::Network& network, Endpoint at);

  /// From now on commands that begin so ("RCPT TO:<bob"; "220": the greeting; ".": the end of data) are answered with this
  /// line. "cut": the connection is cut instead; "hang": nothing more comes; "endless": lines without end; "half …": the
  /// rest without a line end, and nothing more.
  void answer(const std::string& command, std::string reply) { answers_[command] = std::move(reply); }
  void forget_answers() { answers_.clear(); }
  /// From now on no command that begins so ("RCPT", "." for the end of data) is answered until go_on().
  void stall(std::string command);
  void go_on();
  /// The connection is cut instead of the answer to the final dot, although the letter is kept.
  void cut_after_dot(bool cut) { cut_after_dot_ = cut; }

  /// What EHLO is answered with, after the first line.
  void offer(std::vector<std::string> keywords) { keywords_ = std::move(keywords); }
  /// So many connections are served at once; the others wait, unanswered, until one has ended.
  void serve_at_once(std::size_t most) { most_sessions_ = most; }

  [[nodiscard]] const std::vector<Letter>& letters() const { return letters_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_; }
  [[nodiscard]] std::size_t most_open() const { return most_open_; }

 private:
  struct Session;
  [[nodiscard]] world::Task<> accept();
  [[nodiscard]] world::Task<> serve(std::unique_ptr<world::Stream> stream);
  [[nodiscard]] bool is_stalled(const Session& session, std::string_view line) const;
  [[nodiscard]] std::string reply_to(Session& session, std::string_view line);
  [[nodiscard]] world::Task<> misbehave(world::Stream& stream, std::string how);

  sim::Loop& loop_;
  std::unique_ptr<sim::Acceptor> acceptor_;
  std::map<std::string, std::string> answers_;
  std::vector<Letter> letters_;
  std::vector<std::string> keywords_{"PIPELINING", "8BITMIME"};
  std::size_t sessions_ = 0;
  std::size_t open_ = 0;
  std::size_t most_open_ = 0;
  std::size_t most_sessions_ = 1'000'000;
  bool cut_after_dot_ = false;
  std::string stalled_;
  world::Event goes_on_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::scenarios
