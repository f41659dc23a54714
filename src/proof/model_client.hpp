// ModelClient: sends one letter as its plan says: step by step or pipelined, by DATA or BDAT, broken off at any octet, with
// or without a flaw. It holds the server to the protocol: the grammar of each reply, one reply per command, and what may and
// may not be accepted.
#pragma once

#include "proof/model_world.hpp"
#include "world/network.hpp"
#include "world/task.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::proof {

class ModelClient {
 public:
  ModelClient(ModelWorld& world, const PlannedLetter& letter) : world_(world), letter_(letter) {}

  /// The whole session, to its end.
  [[nodiscard]] world::Task<> run(Endpoint server);

 private:
  struct Answer {
    unsigned code = 0;
    std::string text;
    [[nodiscard]] bool is_yes() const { return code / 100 == 2; }
  };

  [[nodiscard]] world::Task<> converse();
  [[nodiscard]] world::Task<bool> hello();
  [[nodiscard]] world::Task<bool> go_over_to_tls();
  /// False: the session is over.
  [[nodiscard]] world::Task<bool> log_in();
  [[nodiscard]] world::Task<bool> begin_and_reset();
  [[nodiscard]] world::Task<bool> envelope();
  [[nodiscard]] world::Task<bool> note_answer(std::size_t place);
  [[nodiscard]] world::Task<> data();
  [[nodiscard]] world::Task<> chunks();
  [[nodiscard]] world::Task<> last_answer();
  [[nodiscard]] world::Task<> goodbye();

  /// False: broken off, by the plan or by the server.
  [[nodiscard]] world::Task<bool> say(std::string text);
  /// None: the connection is over, or nothing came in time.
  [[nodiscard]] world::Task<std::optional<Answer>> hear();
  [[nodiscard]] std::string mail_command() const;
  [[nodiscard]] std::string recipient_command(std::size_t place) const;

  ModelWorld& world_;
  const PlannedLetter& letter_;
  std::unique_ptr<world::Stream> stream_;
  std::string heard_;
  std::uint64_t sent_ = 0;
  std::size_t taken_ = 0;
};

}  // namespace posthorn::proof
