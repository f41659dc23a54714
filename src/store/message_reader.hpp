// Reads a live message back from the log: its record, checked, and the latest state of each recipient from wherever that
// stands. Messages move while compaction runs; a place that no longer holds the record is looked up anew.
// Blocks; for workers, any of them. Inner to the spool.
#pragma once

#include "store/body_files.hpp"
#include "store/segment_folder.hpp"
#include "store/spool_quarantine.hpp"
#include "store/spool_record.hpp"
#include "store/spool_state.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::store {

/// How often a read that fails is tried before the place counts as damaged.
inline constexpr int read_tries = 3;

/// A message as it stands in the log.
struct ReadMessage {
  MessageFacts facts;   ///< with the latest states
  std::string content;  ///< of the record: the text, or its head; empty when only the envelope was asked for
  std::uint32_t content_checksum = 0;
  bool is_damaged = false;  ///< the content fails its checksum, or the body is known to be bad
  RecordPlace place;
  std::uint32_t changes = 0;  ///< SpoolIndex::Message::changes when it was read
};

class MessageReader {
 public:
  enum class Part : std::uint8_t { envelope, all };

  MessageReader(SpoolState& state, SegmentFolder& folder, BodyFiles& bodies, SpoolQuarantine& quarantine)
      : state_(state), folder_(folder), bodies_(bodies), quarantine_(quarantine) {}

  /// Errors: `not_found`; `corrupt` (the envelope cannot be read; it is in quarantine, and the message has to be
  /// forgotten); io.
  [[nodiscard]] Result<ReadMessage> read(MessageId id, Part part);
  /// The envelopes of the next messages behind this one, oldest first; looks at up to `limit` of them at a time, until one
  /// can be read. Those that cannot are left out. Empty: there are no more.
  [[nodiscard]] std::vector<std::pair<MessageId, ReadMessage>> read_after(MessageId id, std::size_t limit);
  /// The body file failed its check.
  void body_is_bad(MessageId id, std::string_view what);

 private:
  struct Place {
    RecordPlace at;
    SegmentHeader segment;
  };
  /// A recipient whose latest state stands in a record of its own.
  struct Moved {
    std::uint32_t recipient = 0;
    LiveRecipient live;
    Place outcome;
  };
  struct Snapshot {
    Place message;
    std::uint32_t record_octets = 0;
    std::uint32_t changes = 0;
    bool is_damaged = false;
    std::uint32_t recipients = 0;
    std::vector<Moved> moved;
  };
  /// A stretch of a segment in memory. Small records stand one behind the other, and reading each by itself costs more
  /// than copying what lies between them.
  struct Stretch {
    std::uint32_t segment = 0;
    std::uint64_t offset = 0;
    std::string octets;

    [[nodiscard]] bool holds(std::uint32_t number, std::uint64_t from, std::uint64_t count) const;
    [[nodiscard]] std::string_view facts_at(std::uint64_t from, std::uint64_t count) const;
  };
  struct Record {
    RecordHeader header;
    std::string octets;  ///< from the header on, all or up to the content
    [[nodiscard]] std::string_view facts() const {
      return std::string_view(octets).substr(record_header_octets, header.facts_octets);
    }
  };

  [[nodiscard]] std::optional<Snapshot> look_up(MessageId id);
  [[nodiscard]] std::vector<std::pair<MessageId, Snapshot>> look_up_after(MessageId id, std::size_t limit);
  /// With the state's lock.
  [[nodiscard]] Snapshot snapshot_of(const SpoolIndex::Message& message) const;
  [[nodiscard]] Place place_of(RecordPlace at) const;
  [[nodiscard]] bool is_unchanged(MessageId id, const Snapshot& snapshot);
  [[nodiscard]] Result<ReadMessage> read_at(MessageId id, const Snapshot& snapshot, Part part,
                                            const Stretch* stretch = nullptr);
  [[nodiscard]] Result<Record> read_record(const Place& place, std::uint64_t octets, const Stretch* stretch = nullptr);
  void read_stretch(const Place& from, const Place& next, Stretch& stretch);
  [[nodiscard]] Result<std::string> read_octets(const Place& place, std::uint64_t offset, std::uint64_t octets);
  void add_states(const Snapshot& snapshot, MessageId id, std::vector<RecipientState>& states);
  [[nodiscard]] std::optional<OutcomeFacts> read_outcomes_at(const Place& place, MessageId id);
  void check_content(MessageId id, const Snapshot& snapshot, const Record& record, ReadMessage& message);
  void quarantine(MessageId id, const Snapshot& snapshot, std::string_view what);

  SpoolState& state_;
  SegmentFolder& folder_;
  BodyFiles& bodies_;
  SpoolQuarantine& quarantine_;
};

}  // namespace posthorn::store
