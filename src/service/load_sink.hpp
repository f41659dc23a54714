// LoadSink: an SMTP server that takes everything, keeps nothing and counts, as fast as it can; and that refuses, waits or
// breaks off where it is told to, so that others can be tried against a server that behaves so. It is a measure: no
// command is looked at closer than its answer needs, and nothing is durable. On one loop; several share one script.
#pragma once

#include "mail/address.hpp"
#include "world/network.hpp"
#include "world/random.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace posthorn::service {

/// Where a script may act; each is a reply of the server.
enum class SinkStage : std::uint8_t { connect, hello, mail, rcpt, data, end, quit };
inline constexpr std::size_t sink_stages = 7;
/// "connect", "ehlo", "mail", "rcpt", "data", "dot", "quit".
[[nodiscard]] std::optional<SinkStage> parse_sink_stage(std::string_view name);

/// What happens at a stage to so many of a hundred.
struct SinkAct {
  enum class What : std::uint8_t { refuse, delay, drop };
  SinkStage stage = SinkStage::rcpt;
  What what = What::refuse;
  unsigned code = 450;  ///< of a refusal
  Duration wait{};      ///< of a delay
  double percent = 100;
};

struct SinkScript {
  std::vector<SinkAct> acts;
  Duration greylist{};  ///< who is not known is told 450 until so long after the first attempt; 0: nobody
  std::string hostname;
  std::uint64_t message_limit = 0;                   ///< announced by SIZE; 0: none
  std::shared_ptr<world::TlsIdentities> identities;  ///< for STARTTLS; none: not offered
  bool tls_from_first_byte = false;
  Duration timeout = std::chrono::minutes{5};
  bool pipelining = true;  ///< announced
};

/// Of all loops together. Any thread.
struct SinkTally {
  std::atomic<std::uint64_t> connections = 0;
  std::atomic<std::uint64_t> messages = 0;
  std::atomic<std::uint64_t> recipients = 0;
  std::atomic<std::uint64_t> octets = 0;
  std::atomic<std::uint64_t> refused = 0;  ///< replies 4yz and 5yz that the script asked for
  std::atomic<std::uint64_t> dropped = 0;  ///< connections
};

/// Who has been here before, by client, sender and recipient, as greylisting servers remember. Any thread.
class Greylist {
 public:
  /// Whether this triple may pass now.
  [[nodiscard]] bool passes(std::string_view client, std::string_view sender, std::string_view recipient,
                            MonotonicTime now, Duration wait);

 private:
  static constexpr std::size_t most = 1'000'000;  // then all is forgotten
  std::mutex mutex_;
  std::unordered_map<std::string, MonotonicTime> first_seen_;
};

class LoadSink {
 public:
  struct World {
    world::Loop& loop;
    world::Random& random;
    const SinkScript& script;
    SinkTally& tally;
    Greylist& greylist;
  };

  LoadSink(World world, std::vector<std::unique_ptr<world::Acceptor>> acceptors);

  /// Takes connections until close(); on the loop.
  void start();
  void close();

 private:
  struct Session;
  enum class Played : std::uint8_t { as_usual, refused, over };

  [[nodiscard]] world::Task<> accept(world::Acceptor& acceptor);
  [[nodiscard]] world::Task<> serve(std::unique_ptr<world::Stream> stream);
  [[nodiscard]] world::Task<> converse(Session& session);
  [[nodiscard]] world::Task<bool> take(Session& session, std::string_view bytes);
  [[nodiscard]] std::size_t take_text(Session& session, std::string_view bytes);
  [[nodiscard]] std::size_t take_line(Session& session, std::string_view bytes);
  void obey(Session& session, std::string_view line);
  void count(Session& session);
  [[nodiscard]] world::Task<Played> play(Session& session);
  [[nodiscard]] world::Task<bool> start_tls(Session& session);
  [[nodiscard]] world::Task<bool> flush(Session& session);
  [[nodiscard]] std::string hello_reply(const Session& session) const;
  [[nodiscard]] bool has_acts(SinkStage stage) const { return !acts_.at(static_cast<std::size_t>(stage)).empty(); }

  World world_;
  std::vector<std::unique_ptr<world::Acceptor>> acceptors_;
  std::array<std::vector<SinkAct>, sink_stages> acts_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
