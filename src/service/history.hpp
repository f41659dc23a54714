// History: what happened to each message, kept for the operator until some time after the message is gone: its events, the
// dialogues of failed attempts (without the message's text and without secrets), and how it stood at the end.
// It promises nothing: lines are written behind the event, without a sync, and are lost with a crash of the moment, on a
// full disk, or when the disk is too slow; mail never waits for it. Bounded in time, in octets on the disk and in memory.
// On the home loop.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"
#include "store/history_files.hpp"
#include "world/log.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"
#include "world/workers.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

struct HistorySettings {
  store::HistoryFilesSettings files;
  Duration write_interval = std::chrono::seconds{1};
  std::size_t write_octets = 256U << 10;  ///< written earlier when so much has gathered
  std::size_t most_octets = 4U << 20;  ///< in memory; what comes while the disk does not take it is dropped and counted
};

class History {
 public:
  struct World {
    world::Loop& loop;
    world::Disk& disk;
    world::Workers& workers;
    world::Log& log;
    const world::Clock& clock;
  };

  History(World world, HistorySettings settings);
  ~History();
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  /// Zero: nothing more is noted.
  void keep_for(Duration keep);
  /// Whether anything is kept: ask before a line is made.
  [[nodiscard]] bool is_kept() const { return settings_.files.keep > Duration::zero(); }
  /// One line about a message, as history_lines makes them. Never waits.
  void note(MessageId id, std::string_view line);
  /// The lines about the message, oldest first, those that are not written yet among them; the newest of `most`.
  [[nodiscard]] world::Task<std::vector<std::string>> lines_of(MessageId id, std::size_t most);
  /// What has gathered is written; nothing is noted any more.
  [[nodiscard]] world::Task<> end();

  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void write_soon();
  [[nodiscard]] world::Task<> write();
  void tell_of(const Error& error);

  World world_;
  HistorySettings settings_;
  std::shared_ptr<store::HistoryFiles> files_;
  std::string gathered_;
  world::TimerId timer_ = world::TimerId::none;
  bool is_writing_ = false;
  bool has_ended_ = false;
  bool is_failing_ = false;
  std::uint64_t dropped_ = 0;
  world::Event written_;
  world::TaskGroup tasks_;
};

}  // namespace posthorn::service
