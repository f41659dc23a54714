// Spool: the durable store of accepted messages and of what became of each recipient. What commit() or record() has
// answered with success is on the disk and stays there through a power cut between any two system calls (I1, I23), until
// every recipient is final. What they answered with an error was not stored and will never be delivered (I4), but for the
// one case named at commit(). docs/spool_format.md tells how, and what each file and record looks like.
// It does not plan or retry (service/queue_manager) and keeps no history of messages that are gone.
// The caller holds the lock on the state folder (Folder::lock) for as long as the spool lives.
// Threads: every function may be called from any loop's thread unless it says otherwise.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"
#include "store/body_file.hpp"
#include "store/spool_settings.hpp"
#include "store/spool_types.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::store {

class SpoolCore;

/// A message on its way in.
struct NewMessage {
  MessageId id{};                        ///< from Spool::new_id(), used once
  mail::Envelope envelope{};             ///< at least one recipient
  std::vector<RecipientState> states{};  ///< empty: every recipient is queued and due; else one per recipient
  WallTime arrival{};
  DeliveryName delivery_name{};
  Origin origin{};
  std::string head{};  ///< stands before the body: our trace fields, known only when the body is there
  std::variant<std::string, FinishedBody> body{};
  /// Becomes durable with the message, in the same record: both or neither. How a report and "the sender has been told"
  /// are one step (I9), and how a message that replaces a recipient takes over from it.
  std::optional<Settlement> settles{};
};

/// One damaged place that recovery or verify met.
struct SpoolDamage {
  std::string file{};
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
  std::string what{};
};

struct RecoveryReport {
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t messages = 0;              ///< live
  std::uint64_t recipients = 0;            ///< of these
  std::uint64_t dropped_octets = 0;        ///< at the ends of the log: written but never acknowledged
  std::uint64_t bodies_removed = 0;        ///< of messages that were never committed or are gone
  std::vector<SpoolDamage> damages{};      ///< each copied to corrupt/ and logged; at most 1,000 are named
  std::vector<std::string> foreign_names;  ///< ignored; at most 100 are named
};

/// For back-pressure and metrics; from memory, at most a second old.
struct SpoolFacts {
  bool accepting = false;  ///< false: commit() would answer `why`
  Error::Kind why = Error::Kind::other;
  std::uint64_t free_octets = 0;  ///< of the file system
  std::uint64_t total_octets = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t segments = 0;
  std::uint64_t empty_segments = 0;     ///< prepared, the reserve among them
  std::uint64_t reserve_segments = 0;   ///< only outcomes may use these
  std::uint64_t failed_segments = 0;    ///< sealed after an input or output error
  std::uint64_t messages = 0;           ///< live
  std::uint64_t queued_recipients = 0;  ///< of these
  std::uint64_t held_recipients = 0;
  std::uint64_t commits = 0;  ///< messages acknowledged since the start
  std::uint64_t batches = 0;  ///< writes with their sync since the start
  std::uint64_t failed_batches = 0;
  std::uint64_t damaged_messages = 0;  ///< found since the start
  std::uint64_t compacted_segments = 0;
};

/// The text of a stored message, read in pieces whose checksums were right. One loop's thread; one call at a time.
class MessageText {
 public:
  MessageText();
  MessageText(MessageText&&) noexcept;
  MessageText& operator=(MessageText&&) noexcept;
  ~MessageText();

  [[nodiscard]] std::uint64_t octets() const;
  /// The next piece (up to about 64 KiB, the first with the head), empty at the end. The view is valid until the next
  /// call. Errors: `corrupt` (the body is quarantined, nothing of the bad piece is given out, and load() will say
  /// `damaged`), io.
  [[nodiscard]] world::Task<Result<std::string_view>> next(world::Loop& loop);
  /// Starts over.
  void rewind();

 private:
  friend class Spool;
  struct State;
  explicit MessageText(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct LoadedMessage {
  StoredMessage message;
  MessageText text;  ///< empty when message.damaged
};

class Spool {
 public:
  /// Opens the spool of settings.state_folder, makes it where there is none, counts the start up durably and has a fresh
  /// segment ready: messages are taken as soon as it returns. What is waiting from before comes with recover().
  /// Errors, each with what to do: `not_permitted` (rights; another host's spool), `unsupported` (written by a newer
  /// version), `not_found` (the state folder knows a spool, but it is not there: not mounted?), `no_space`, `io`, ….
  [[nodiscard]] static world::Task<Result<std::unique_ptr<Spool>>> open(world::Loop& loop, SpoolWorld world,
                                                                        SpoolSettings settings);
  /// Destroyed only when none of its calls is under way and the workers have nothing of it left to do (drain()).
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Reads what is waiting from earlier starts; once, while commits already run. Afterwards live_after() knows all of it.
  /// Damage is no error: it is quarantined, reported and logged. Errors: io when the folder cannot be read at all.
  [[nodiscard]] world::Task<Result<RecoveryReport>> recover(world::Loop& loop);
  /// Keeps segments ready, compacts, probes a failing disk, looks at free space each second and at the identity each
  /// minute (F12). Runs on the home loop, beside recover(), until stop().
  [[nodiscard]] world::Task<> maintain(world::Loop& loop);
  /// maintain() ends soon; commits and records go on. On maintain()'s loop.
  void stop();
  /// Returns when nothing that was handed in is unfinished and no job of ours is with the workers. After stop().
  [[nodiscard]] world::Task<> drain(world::Loop& loop);

  /// Unique for ever, also over restarts and restored clocks (I20). In ascending order of calls.
  [[nodiscard]] MessageId new_id();
  /// Whether the id was given by this start of the spool.
  [[nodiscard]] bool is_of_this_start(MessageId id) const;

  /// A file for the body of a message that is too large to be kept in memory.
  [[nodiscard]] BodyWriter new_body(MessageId id);

  /// Stores a message; durable when it returns success. Resumes on `loop`.
  /// Errors: `no_space` (452: only the reserve is left), `invalid` (the envelope is too large for a segment), `closed`,
  /// `io` and what else the disk says (451); then it is not there and never will be. `timed_out` (451) at `deadline`: the
  /// spool takes it out again as soon as it can; only a crash before that leaves it to be delivered once (F11).
  /// While no segment at all can be written, a failed commit is answered after SpoolSettings::verdict_wait although
  /// what it wrote could not be declared void: a power cut that very moment may bring it back, once.
  [[nodiscard]] world::Task<Result<>> commit(world::Loop& loop, NewMessage message, MonotonicTime deadline = never);

  /// Records new states of recipients; durable when it returns success, and then the message is forgotten if all its
  /// recipients are final. Outcomes of unknown messages are ignored with success. Takes a full disk's reserve; deferrals half.
  /// Errors: as commit(); nothing of it was recorded: call again.
  [[nodiscard]] world::Task<Result<>> record(world::Loop& loop, MessageId id, std::vector<Outcome> outcomes);

  /// Envelope, states and text. Errors: `not_found` (unknown, or forgotten meanwhile), `corrupt` (not even the envelope
  /// can be read: it is quarantined and forgotten), io. A damaged text with a good envelope is no error: `damaged`.
  [[nodiscard]] world::Task<Result<LoadedMessage>> load(world::Loop& loop, MessageId id);
  /// The same without the text, which is neither read nor checked.
  [[nodiscard]] world::Task<Result<StoredMessage>> load_envelope(world::Loop& loop, MessageId id);
  /// The next up to `limit` messages after `after` in order of arrival (MessageId{} starts), without their texts, read in
  /// one job; for listings. Those that cannot be read are left out. Empty at the end.
  [[nodiscard]] world::Task<std::vector<StoredMessage>> load_next(world::Loop& loop, MessageId after,
                                                                  std::size_t limit);

  /// The next up to `limit` live messages after `after` in order of arrival; from memory.
  [[nodiscard]] std::vector<LiveMessage> live_after(MessageId after, std::size_t limit) const;
  [[nodiscard]] std::optional<LiveMessage> find(MessageId id) const;

  [[nodiscard]] SpoolFacts facts() const;

  /// Of parts that are joined already: for open().
  explicit Spool(std::shared_ptr<SpoolCore> core);

 private:
  std::shared_ptr<SpoolCore> core_;
};

}  // namespace posthorn::store
