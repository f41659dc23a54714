// SpoolCore: the parts of an open spool, joined. Spool is its public face; SpoolMaintenance works on it. Inner to the spool.
#pragma once

#include "store/body_files.hpp"
#include "store/fresh_messages.hpp"
#include "store/message_reader.hpp"
#include "store/segment_folder.hpp"
#include "store/segment_supply.hpp"
#include "store/spool.hpp"
#include "store/spool_front.hpp"
#include "store/spool_identity.hpp"
#include "store/spool_quarantine.hpp"
#include "store/spool_recovery.hpp"
#include "store/spool_state.hpp"
#include "store/spool_writer.hpp"
#include "world/wait.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::store {

class SpoolCore {
 public:
  /// All of open() that blocks, in one go. On a worker.
  [[nodiscard]] static Result<std::shared_ptr<SpoolCore>> open(const SpoolWorld& world, const SpoolSettings& settings);

  SpoolCore(const SpoolWorld& given_world, const SpoolSettings& fitted, SpoolPlace found,
            std::unique_ptr<world::Folder> bodies_folder, std::unique_ptr<world::Folder> corrupt_folder);
  SpoolCore(const SpoolCore&) = delete;
  SpoolCore& operator=(const SpoolCore&) = delete;

  // ---- what calls are made of ----
  [[nodiscard]] ItemPointer item_for(NewMessage message) const;
  [[nodiscard]] ItemPointer item_for(const ReadMessage& message, MessageId id) const;
  [[nodiscard]] ItemPointer item_for(MessageId id, std::vector<Outcome> outcomes) const;
  [[nodiscard]] static StoredMessage stored(MessageId id, ReadMessage& message);
  /// A message that was stored a moment ago and about which nothing was recorded since; none: it is to be read.
  [[nodiscard]] std::optional<ReadMessage> take_fresh(MessageId id);
  [[nodiscard]] SpoolFacts facts();

  /// A message whose record recovery could not read: it is in corrupt/, and the log forgets it.
  void forget_lost(const SpoolRecovery::Lost& message);
  /// A live message that nobody is to get: its sender was told that it failed, or it cannot be read (and is in corrupt/).
  /// Hidden at once, removed as soon as that can be written.
  void remove_for_good(MessageId id);
  void remove_bodies(const std::vector<MessageId>& ids);

  /// Nothing is gathering, being written, or with the workers.
  [[nodiscard]] bool is_idle();
  /// Wakes maintenance, if it runs. Any thread.
  void need();

  SpoolWorld world;
  SpoolSettings settings;
  SpoolPlace place;
  SpoolState state;
  SegmentFolder folder;
  SegmentSupply supply;
  std::shared_ptr<BodyFiles> bodies;
  SpoolQuarantine quarantine;
  MessageReader reader;
  SpoolFront front;
  SpoolWriter writer;
  SpoolRecovery recovery;
  FreshMessages fresh;
  std::atomic<std::uint64_t> last_counter = 0;

  // ---- maintenance ----
  std::mutex maintenance_mutex;
  world::Loop* maintenance_loop = nullptr;  ///< while it runs
  std::shared_ptr<world::Event> maintenance_event;
  bool is_stopping = false;
  std::vector<MessageId> to_remove;  ///< until they are gone, tried again

 private:
  void keep_fresh(SpoolItem& item);
  [[nodiscard]] Result<> start();
  [[nodiscard]] Result<> sync_newest_segment();
};

}  // namespace posthorn::store
