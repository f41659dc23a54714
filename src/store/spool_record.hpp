// What the facts of a record say, and their octets (docs/spool_format.md). Pure: no disk. Reading takes octets that
// passed their checksum, but trusts nothing in them.
#pragma once

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "base/result.hpp"
#include "store/spool_types.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace posthorn::store {

/// The body of a message that has a file of its own.
struct BodyFacts {
  std::uint64_t octets = 0;
  std::uint32_t block_octets = 0;
  std::vector<std::uint32_t> checksums{};  ///< CRC-32C of each block

  bool operator==(const BodyFacts&) const = default;
};

/// The facts of a message record, but for what it settles.
struct MessageFacts {
  WallTime arrival{};
  std::uint64_t octets = 0;  ///< of the text, head and body
  std::optional<BodyFacts> body_file{};
  std::vector<RecipientState> states{};  ///< one per recipient of the envelope
  DeliveryName delivery_name{};
  Origin origin{};
  mail::Envelope envelope{};
};

/// The start of a message's facts, enough for the index.
struct MessageBrief {
  WallTime arrival{};
  std::uint64_t octets = 0;
  bool has_body_file = false;
  std::vector<LiveRecipient> recipients{};
};

/// New states for recipients of a message; the facts of an outcomes record.
struct OutcomeFacts {
  /// All recipients are final now, or were when this was first said: the message is gone, whatever earlier records say.
  bool finishes = false;
  /// When it finishes: the generations in which records of the message may still stand. This record must outlive them.
  std::vector<std::uint64_t> covers{};
  std::vector<Outcome> outcomes{};

  bool operator==(const OutcomeFacts&) const = default;
};

/// What a message record settles besides (NewMessage::settles); stands behind its MessageFacts.
struct SettlementFacts {
  MessageId message{};
  OutcomeFacts outcomes{};

  bool operator==(const SettlementFacts&) const = default;
};

void put_message(ByteWriter& out, const MessageFacts& facts);
void put_outcomes(ByteWriter& out, const OutcomeFacts& facts);
void put_settlement(ByteWriter& out, const SettlementFacts* facts);  ///< null: it settles nothing

struct MessageRecord {
  MessageFacts message{};
  std::optional<SettlementFacts> settles{};
};

struct MessageRecordBrief {
  MessageBrief message{};
  std::optional<SettlementFacts> settles{};
};

/// Errors: `corrupt`.
[[nodiscard]] Result<MessageRecord> read_message(std::string_view facts);
[[nodiscard]] Result<MessageRecordBrief> read_message_brief(std::string_view facts);
[[nodiscard]] Result<OutcomeFacts> read_outcomes(std::string_view facts);

[[nodiscard]] LiveRecipient brief_of(const RecipientState& state);

}  // namespace posthorn::store
