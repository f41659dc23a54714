// What follows from an attempt of `posthorn send`: done, wait and try again, or end with an error, and which; and how long
// to wait. (The server's queue has rules of its own, retry_schedule.hpp.)
#pragma once

#include "base/time.hpp"
#include "smtp/client_effect.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::rules {

/// How an attempt went.
struct SendReport {
  std::vector<smtp::Outcome> outcomes;  ///< one for each recipient that was tried; `untried`: it did not come to that
  std::optional<smtp::SessionEnd> end;  ///< the conversation ended before its time
  std::string unreachable;              ///< no address answered: what the last one said; empty: one did
  std::string unreadable;               ///< the message could not be read; empty: it could
};

enum class SendVerdict : std::uint8_t {
  delivered,      ///< to everybody
  later,          ///< somebody was refused for the moment, by a reply; nobody worse off
  refused,        ///< somebody was refused for good
  login_refused,  ///< for good
  unreachable,    ///< no connection
  lost,           ///< the connection, or no answer in time
  protocol,       ///< a reply that SMTP does not allow
  no_tls,         ///< not offered, or the handshake failed
  unreadable,     ///< our own message
};

[[nodiscard]] SendVerdict verdict_on(const SendReport& report);

/// Whether somebody waits who may be tried again later: what the background goes on with.
[[nodiscard]] bool has_waiting(const SendReport& report);

/// The reply, or our words, that the verdict rests on: "450 4.2.0 Greylisted". Not cleaned.
[[nodiscard]] std::string last_words(const SendReport& report);
/// The first reply that refused somebody for good; empty: none did. Not cleaned.
[[nodiscard]] std::string refusal(const SendReport& report);

struct SendRetrySettings {
  std::optional<Duration> retry_after;  ///< given by the user: it beats what the server names
  Duration usual_wait = std::chrono::minutes{20};
  Duration longest_named_wait = std::chrono::days{1};
  Duration shortest_wait = std::chrono::seconds{1};
  Duration expire = std::chrono::days{5};
};

/// The wait before the next attempt, `age` into the message's life; the last attempt is made when that life ends. None: it
/// has ended.
[[nodiscard]] std::optional<Duration> next_wait(const SendRetrySettings& settings, std::string_view last_words,
                                                Duration age);

}  // namespace posthorn::rules
