// SendEntry: a message that `posthorn send` tries again in the background: all that has to survive a reboot but the text,
// which stands in a file beside it, and any password, of which only the file's path is kept. Written as JSON.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "mail/address.hpp"
#include "mail/envelope.hpp"
#include "service/server_access.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

struct SendEntry {
  enum class State : std::uint8_t {
    waiting,
    failed,  ///< given up or refused for good: kept for the user to see until it is cancelled
  };
  struct Recipient {
    enum class State : std::uint8_t { waiting, delivered, refused };
    mail::Address address;
    State state = State::waiting;
    std::string reply;  ///< the last about it, cleaned
  };

  std::string id;
  State state = State::waiting;
  std::optional<mail::Address> sender;
  std::vector<Recipient> recipients;
  std::string subject;  ///< for lists
  std::uint64_t octets = 0;

  bool via_queue = false;  ///< to the server on this machine, wherever it listens; host is for people then
  std::string host;
  std::uint16_t port = 25;
  std::string family;  ///< "4", "6", or empty
  ClientTls tls = ClientTls::starttls;
  bool verifies_certificate = false;
  std::string user;
  std::string password_file;  ///< absolute
  std::string hello_name;
  std::optional<Duration> timeout;
  std::optional<Duration> retry_after;
  Duration expire{};

  Duration age{};         ///< how long it has been tried, by even-running time
  unsigned attempts = 0;  ///< so far
  WallTime created;
  WallTime wait_began;
  WallTime next_attempt;
  std::string last_words;  ///< cleaned

  /// One of its letters and digits, so that it can name files: [a-z0-9], up to 32.
  [[nodiscard]] static bool is_id(std::string_view text);
};

[[nodiscard]] std::string_view name_of(SendEntry::State state);
[[nodiscard]] std::string_view name_of(SendEntry::Recipient::State state);

[[nodiscard]] std::string written(const SendEntry& entry);
/// Error: `corrupt`, saying what is wrong.
[[nodiscard]] Result<SendEntry> parse_send_entry(std::string_view text);

}  // namespace posthorn::service
