// ModelServer: a receiving server elsewhere, with a temper drawn by the plan while the trouble lasts: says "later" or
// "never" at any step, breaks off, talks nonsense, is silent, takes mail and loses the answer. It keeps its own truth about
// what it has taken and holds the sender to the protocol and to the limits (I3, I12, I13).
#pragma once

#include "proof/model_world.hpp"
#include "world/network.hpp"
#include "world/task_group.hpp"

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::proof {

class ModelServer {
 public:
  /// `domain`: whose mail it takes. `is_patient`: it refuses nothing for good.
  ModelServer(ModelWorld& world, Endpoint at, std::string domain, bool is_patient);

  /// From now on it behaves.
  void calm_down() { is_calm_ = true; }
  [[nodiscard]] std::uint32_t open_transactions() const { return open_transactions_; }

 private:
  struct Session;
  enum class Mood : std::uint8_t { good, soft, hard, drop, garbage, stall };

  [[nodiscard]] world::Task<> accept();
  [[nodiscard]] world::Task<> serve(std::unique_ptr<world::Stream> stream);
  /// False: the other side has gone.
  [[nodiscard]] world::Task<bool> keep_silent(Session& session, Duration time);
  [[nodiscard]] world::Task<bool> go_over_to_tls(Session& session);
  /// What it says to a line, in the mood that was drawn; empty: nothing.
  [[nodiscard]] std::string answer(Session& session, std::string_view line, Mood mood);
  [[nodiscard]] std::string answer_mail(Session& session, std::string_view line, Mood mood);
  [[nodiscard]] std::string answer_recipient(Session& session, std::string_view line, Mood mood);
  [[nodiscard]] std::string answer_data(Session& session, Mood mood);
  [[nodiscard]] std::string take(Session& session, Mood mood);
  [[nodiscard]] Mood draw_mood();
  [[nodiscard]] bool is_greylisted(const std::string& recipient);
  void end_transaction(Session& session);

  ModelWorld& world_;
  std::string name_;
  std::string domain_;
  std::unique_ptr<sim::Acceptor> acceptor_;
  std::set<std::string> known_;  // recipients who came back
  std::uint32_t open_transactions_ = 0;
  bool is_patient_;
  bool is_calm_ = false;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::proof
