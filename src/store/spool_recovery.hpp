// Reads the log back: each segment of earlier starts in the order of their generations, each record applied to the index
// as the commit thread applied it. Damage is collected, quarantined and reported, never a reason to stop.
//
// What it rests on: a record that counts checks; of a message that is gone, the outcome that finished it is found as long
// as a record of the message itself is (SegmentTable::is_dead). So replaying all records that check, in order, gives the
// messages that live. It writes nothing to the log and may be cut and repeated at will (F52).
// Blocks; for workers. Inner to the spool.
#pragma once

#include "store/body_files.hpp"
#include "store/segment_folder.hpp"
#include "store/segment_scanner.hpp"
#include "store/spool.hpp"
#include "store/spool_quarantine.hpp"
#include "store/spool_state.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace posthorn::store {

class SpoolRecovery {
 public:
  struct Options {
    SpoolQuarantine* quarantine = nullptr;  ///< none: looks only, copies and removes nothing
    bool check_all = false;                 ///< every octet, also of messages that are gone; not only what may be torn
  };

  SpoolRecovery(SpoolState& state, SegmentFolder& folder, const Options& options)
      : state_(state), folder_(folder), options_(options) {}

  /// Enters what was found in the folder into the table of segments: headers only. Files that cannot be segments of this
  /// spool become damages or foreign names of the report.
  void register_segments(const FoundFiles& found, const SpoolId& id);

  /// Reads the next segment. False: there is none.
  bool read_next();
  /// The last one could not be opened for want of descriptors: read_next() will try it again, better after a while (F23).
  [[nodiscard]] bool must_wait() const { return must_wait_; }
  /// A message whose envelope is lost: copied to corrupt/, to be forgotten in these generations.
  struct Lost {
    MessageId id;
    std::vector<std::uint64_t> generations;
  };
  /// After the last one: sorts out the messages whose record is damaged.
  [[nodiscard]] std::vector<Lost> finish();
  /// Compares the bodies with the messages: removes those that no message of earlier starts has, names those that lack.
  void check_bodies(BodyFiles& bodies);

  [[nodiscard]] RecoveryReport& report() { return report_; }

 private:
  static constexpr std::size_t most_damages = 1000;
  static constexpr std::size_t most_foreign_names = 100;

  struct DamagedRecord {
    std::uint32_t segment = 0;  // number
    std::uint64_t generation = 0;
    std::uint64_t offset = 0;
    std::uint64_t octets = 0;
  };

  void register_segment(const FoundSegment& found);
  [[nodiscard]] bool is_ours(const FoundSegment& found, const SpoolId& id);
  [[nodiscard]] std::optional<SegmentHeader> next_segment();
  [[nodiscard]] ScanOptions scan_options(const SegmentHeader& segment);
  void read(const SegmentHeader& segment);
  void apply(const ScannedRecord& record, const SegmentHeader& segment);
  void apply_message(const ScannedRecord& record, RecordPlace place);
  void apply_outcomes(MessageId id, RecordPlace place, const OutcomeFacts& outcomes);
  void note_bad_record(const ScannedRecord& record, const SegmentHeader& segment);
  void note_bad_envelope(MessageId id, const DamagedRecord& record);
  void note_gaps(const SegmentScan& scan, const SegmentHeader& segment, world::File& file);
  void keep_lost(MessageId id, const DamagedRecord& record);
  void check_body(const world::Entry& entry, BodyFiles& bodies, std::set<MessageId>& present);
  void note(SpoolDamage damage);
  void note_foreign(std::string name);

  SpoolState& state_;
  SegmentFolder& folder_;
  Options options_;
  std::set<std::uint64_t> generations_;
  std::map<MessageId, DamagedRecord> damaged_;  // messages whose facts fail, unless something later speaks for them
  RecoveryReport report_;
  bool must_wait_ = false;
};

}  // namespace posthorn::store
