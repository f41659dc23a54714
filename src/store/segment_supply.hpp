// Where segments come from: empty ones in stock, dead ones used again, new files; and the reserve that only outcomes may
// use, so that what was accepted can be finished on a full disk. Blocks; for workers. Inner to the spool.
#pragma once

#include "store/segment_folder.hpp"
#include "store/spool_settings.hpp"
#include "store/spool_state.hpp"

#include <cstdint>

namespace posthorn::store {

/// Who asks for a segment: the later, the deeper it may reach into the reserve. A deferral leaves half of it to what ends
/// something: else many of them on a full disk would leave no room to say that a message is gone.
enum class SegmentNeed : std::uint8_t { message, deferral, compaction, outcome };

class SegmentSupply {
 public:
  /// `settings` are those fitted to the file system.
  SegmentSupply(SpoolState& state, SegmentFolder& folder, const SpoolSettings& settings, const SpoolId& id)
      : state_(state), folder_(folder), settings_(settings), id_(id) {}

  /// The settings as this file system bears them: segments of at most 1/128 of it, a reserve of at most 5 %.
  [[nodiscard]] static SpoolSettings fit(SpoolSettings settings, const world::FreeSpace& space);

  /// A segment with a new life in it, in memory only: its header is to be written with its first batch. At least
  /// `octets` fit in. Errors: `no_space`, or why no new one can be made.
  [[nodiscard]] Result<SegmentHeader> begin(SegmentNeed need, std::uint64_t octets, std::uint64_t life);

  /// Adds an empty segment to the stock. Errors: `no_space`, io, ….
  [[nodiscard]] Result<> make();
  /// Empties a dead segment for the stock, or removes its file when there are enough or when it failed. The caller has
  /// marked it busy.
  [[nodiscard]] Result<> retire(std::uint32_t number);
  [[nodiscard]] Result<> remove(std::uint32_t number);
  /// Asks the file system how much room it has.
  void look_at_space();

  // ---- with the mutex held ----
  /// Messages may be written: the reserve is there, or there is room to make it.
  [[nodiscard]] bool has_room_for_messages() const;
  /// A message that needs a fresh segment would get one.
  [[nodiscard]] bool has_segment_for_messages() const;
  /// How many empty segments are lacking from the stock that should be there.
  [[nodiscard]] std::uint64_t shortage() const;
  [[nodiscard]] std::uint32_t reserve() const;
  /// Octets of the largest record that fits in a segment.
  [[nodiscard]] std::uint64_t largest_record() const { return settings_.segment_octets - 2 * settings_.block_octets; }

 private:
  [[nodiscard]] std::uint64_t makeable() const;
  [[nodiscard]] Segment* take_from_stock(SegmentNeed need, std::uint64_t octets);
  [[nodiscard]] Segment* take_dead(std::uint64_t octets);
  [[nodiscard]] bool has_room_for_voids();
  [[nodiscard]] SegmentHeader renew(Segment& segment, std::uint64_t life);
  [[nodiscard]] SegmentHeader empty_header(std::uint32_t number) const;

  SpoolState& state_;
  SegmentFolder& folder_;
  const SpoolSettings& settings_;
  SpoolId id_;
};

}  // namespace posthorn::store
