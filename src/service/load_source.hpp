// LoadSource: so many connections at once to one SMTP server, each sending messages as fast as it answers, or at a rate; and
// what came of it. It is a measure, no mail client: it makes its messages itself, and what is refused is counted and not
// tried again. On one loop.
#pragma once

#include "service/latency_tally.hpp"
#include "service/server_access.hpp"
#include "world/random.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

enum class LoadPipelining : std::uint8_t { where_offered, always, never };

struct LoadOrder {
  std::uint32_t connections = 1;
  std::uint64_t messages = 1;         ///< in all; 0: until the time is over
  std::uint64_t per_connection = 0;   ///< 0: all
  std::uint64_t least_octets = 4096;  ///< of a message's body; each is drawn from here …
  std::uint64_t most_octets = 4096;   ///< … to here
  std::uint32_t recipients = 1;       ///< of each message
  double rate = 0;                    ///< messages a second at most, of this source; 0: as many as go
  Duration time{};                    ///< nothing new is begun after it; 0: no limit
  std::string sender;                 ///< "%" in it becomes the message's number, as in the recipient
  std::string recipient;
  /// RFC 2920: MAIL, RCPT and DATA in one piece, with the text of the message before.
  LoadPipelining pipelining = LoadPipelining::where_offered;
};

struct LoadResult {
  std::uint64_t messages = 0;                  ///< taken
  std::uint64_t octets = 0;                    ///< of these
  std::uint64_t recipients = 0;                ///< of these
  std::uint64_t refused = 0;                   ///< messages
  std::uint64_t connections = 0;               ///< that were greeted
  std::map<unsigned, std::uint64_t> refusals;  ///< by code
  std::map<std::string, std::uint64_t>
      failures;             ///< of connections, by what was said of them; at most 100 are told apart
  LatencyTally connecting;  ///< until the greeting, with TLS from the first byte
  LatencyTally sending;     ///< of each message that was taken, from when MAIL was sent to the answer to its end
  Duration took{};

  void add(const LoadResult& other);
};

class LoadSource {
 public:
  LoadSource(ClientNetwork world, world::Random& random, const ServerAccess& access, const LoadOrder& order);

  /// Until all is sent, the time is over, or the server cannot be reached any more.
  [[nodiscard]] world::Task<LoadResult> run();

 private:
  struct Session;
  struct Text;
  enum class Sent : std::uint8_t { taken, refused, broken };

  [[nodiscard]] world::Task<> work();
  [[nodiscard]] world::Task<bool> converse(std::uint64_t first);
  [[nodiscard]] world::Task<bool> greet(Session& session);
  [[nodiscard]] world::Task<bool> say_hello(Session& session);
  [[nodiscard]] world::Task<bool> start_tls(Session& session);
  [[nodiscard]] world::Task<Sent> send(Session& session);
  [[nodiscard]] world::Task<Sent> send_step_by_step(Session& session);
  [[nodiscard]] world::Task<Sent> send_pipelined(Session& session);
  [[nodiscard]] world::Task<Sent> end_message(Session& session, Text text);
  [[nodiscard]] world::Task<bool> write(Session& session, std::string_view bytes);
  /// The code of the next reply, read whole; 0: the connection is of no use any more, and that has been noted.
  [[nodiscard]] world::Task<unsigned> reply(Session& session);
  [[nodiscard]] world::Task<> pace();

  [[nodiscard]] bool is_time_over() const;
  /// The number of the next message; 0: there is none.
  [[nodiscard]] std::uint64_t take_work();
  [[nodiscard]] bool is_used_up(const Session& session) const;
  [[nodiscard]] std::uint64_t take_next(const Session& session);
  [[nodiscard]] std::string make_group(std::uint64_t number) const;
  [[nodiscard]] std::string make_text(std::uint64_t number, std::uint64_t& octets);
  void fail(std::string_view why);

  ClientNetwork world_;
  world::Random& random_;
  const ServerAccess& access_;
  const LoadOrder& order_;
  LoadResult result_;
  std::string body_;
  std::uint64_t begun_ = 0;
  std::vector<std::uint64_t> given_back_;  // numbers of messages that a connection took and never sent
  std::uint32_t failed_in_a_row_ = 0;
  MonotonicTime started_{};
  MonotonicTime next_start_{};
  std::uint32_t working_ = 0;
  world::Event all_done_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
