// SaslDesk: the exchanges that the engine has begun in the keys process, known outside by numbers that are never given twice.
// Bounded: when too many are open, the oldest is given up. What comes is taken for hostile. Any thread; calls block for as long
// as a check of a password takes, each for its own exchange only.
#pragma once

#include "base/result.hpp"
#include "system/keys_wire.hpp"
#include "system/sasl_service.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace posthorn::system {

class SaslDesk {
 public:
  /// `service` outlives it. `most`: exchanges that are open at once.
  explicit SaslDesk(SaslService& service, std::size_t most = 10'000) : service_(service), most_(most) {}

  /// Whether packets of that kind are for it.
  [[nodiscard]] static bool is_for_it(KeysPacket kind);
  /// The body of the answer, whose kind follows from the question's. Errors: corrupt (the packet is malformed).
  [[nodiscard]] Result<std::string> answer(KeysPacket kind, std::string_view body);

 private:
  using Exchange = std::unique_ptr<SaslExchange>;

  [[nodiscard]] Result<std::string> begin(std::string_view body);
  [[nodiscard]] Result<std::string> go_on(KeysPacket kind, std::string_view body);
  [[nodiscard]] Exchange take(std::uint64_t number);
  /// Keeps what may still go on, and says what the step came to.
  [[nodiscard]] std::string keep(std::uint64_t number, Exchange exchange, world::AuthAnswer answer);

  SaslService& service_;
  const std::size_t most_;
  std::mutex mutex_;
  std::map<std::uint64_t, Exchange> open_;  // the oldest first
  std::uint64_t last_number_ = 0;
};

}  // namespace posthorn::system
