// What the spool keeps, as values: a message as it is handed in, as it is read back, and the state of each recipient.
// docs/spool_format.md lists the legal states of a message and the steps between them. Nothing here touches the disk.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "mail/envelope.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::store {

/// The parts of the unique Maildir file name, fixed when the message is accepted, so that a delivery repeated after a
/// crash lands on the same name: <seconds>.M<microseconds>P<process>Q<counter>.<host>
struct DeliveryName {
  std::int64_t seconds = 0;  ///< since 1970
  std::uint32_t microseconds = 0;
  std::uint32_t process = 0;
  std::uint64_t counter = 0;
  std::string host{};

  bool operator==(const DeliveryName&) const = default;
};

/// By which door a message came in, and on whose word; what I7 (nobody relays who may not) is checked against.
struct Origin {
  enum class Door : std::uint8_t {
    mx,          ///< anyone, to our domains only
    relay,       ///< a client trusted by the listener it used
    submission,  ///< an authenticated user
    local,       ///< a program on this machine (sendmail, the control interface)
    report,      ///< made here: a bounce, a warning, a receipt
  };
  Door door = Door::mx;
  std::string user{};     ///< authenticated or local account; empty: none
  std::string peer{};     ///< address of the client as text; empty: none
  std::string session{};  ///< the session's name in the log

  bool operator==(const Origin&) const = default;
};

enum class RecipientStatus : std::uint8_t {
  queued,     ///< to be tried at `next_attempt`
  held,       ///< by an operator, until released
  delivered,  ///< durable in the mailbox, or taken by the next host
  failed,     ///< for good, or expired
  removed,    ///< by an operator
};

/// All that is known of one recipient. Each record of an outcome replaces the whole of it.
struct RecipientState {
  RecipientStatus status = RecipientStatus::queued;
  bool report_due = false;  ///< delivered or failed, and the sender must still be told: keeps the message in the spool
  bool warned = false;      ///< a delay report has been queued (I11: one at most)
  std::uint16_t attempts = 0;
  std::uint16_t ambiguous = 0;  ///< attempts that ended between the final dot and its reply (I3)
  WallTime next_attempt{};      ///< in the past: due
  WallTime changed{};           ///< when this state came about
  std::chrono::seconds
      age{};  ///< life of the message so far by the monotonic clock, so that a jump of the calendar expires nothing
  std::string status_code{};  ///< RFC 3463, "4.2.2"; empty: none. At most 15 octets
  std::string reply{};        ///< the last words of the other side, cut to SpoolSettings::reply_limit
  std::string remote_host{};  ///< who said so; cut to 255 octets
  MessageId report{};         ///< the last report about this recipient; 0: none

  /// Nothing is left to be done for this recipient.
  [[nodiscard]] bool is_final() const {
    return status != RecipientStatus::queued && status != RecipientStatus::held && !report_due;
  }
  bool operator==(const RecipientState&) const = default;
};

/// A new state for the recipient at this place in the envelope.
struct Outcome {
  std::uint32_t recipient = 0;
  RecipientState state{};

  bool operator==(const Outcome&) const = default;
};

/// New states for recipients of one message that become durable together.
struct Settlement {
  MessageId message{};
  std::vector<Outcome> outcomes{};
};

/// A message as the spool gives it back. Without its text: see MessageText.
struct StoredMessage {
  MessageId id{};
  mail::Envelope envelope{};
  std::vector<RecipientState> states{};  ///< one per recipient, in the envelope's order
  WallTime arrival{};
  DeliveryName delivery_name{};
  Origin origin{};
  std::uint64_t octets = 0;  ///< of the text
  bool damaged = false;  ///< the text fails its check (a copy is in corrupt/): report it to the sender, deliver nothing
};

/// What the queue plan needs of a recipient; from memory.
struct LiveRecipient {
  RecipientStatus status = RecipientStatus::queued;
  bool report_due = false;
  bool warned = false;
  std::uint16_t attempts = 0;
  WallTime next_attempt{};  ///< to the second
};

/// What the queue plan needs of a message; from memory.
struct LiveMessage {
  MessageId id{};
  WallTime arrival{};
  std::uint64_t octets = 0;
  std::vector<LiveRecipient> recipients{};  ///< in the envelope's order
};

}  // namespace posthorn::store
