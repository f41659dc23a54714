// The spool's bounds and what it is given to work with.
#pragma once

#include "base/time.hpp"
#include "world/clock.hpp"
#include "world/disk.hpp"
#include "world/log.hpp"
#include "world/random.hpp"
#include "world/workers.hpp"

#include <cstdint>
#include <string>

namespace posthorn::store {

struct SpoolSettings {
  std::string state_folder;   ///< the spool is `spool/` in it
  std::string host_identity;  ///< names this machine (F18); any text, compared as a whole
  bool adopt = false;         ///< take over a spool that another host wrote (backup restored, machine replaced)

  std::uint32_t segment_octets = 16U << 20;  ///< less on a small file system: at most 1/128 of it. A record fits in one
  std::uint32_t block_octets = 4096;  ///< a batch starts on such a border, so that no write touches acknowledged octets
  std::uint64_t reserve_octets = 64U << 20;  ///< kept in prepared segments for outcomes; at most 5 % of the file system
  std::uint32_t spare_segments = 2;          ///< prepared ahead beyond the reserve, so that a burst need not wait
  std::uint32_t keep_segments = 32;          ///< empty ones kept for reuse; more are given back to the file system
  std::uint64_t largest_message = 50U << 20;    ///< messages are refused when fewer than twice these octets are free
  std::uint32_t batch_octets = 4U << 20;        ///< at most, in one write and sync
  std::uint32_t body_block_octets = 64U << 10;  ///< a body file is checked, and read, in pieces of this size
  std::size_t reply_limit = 512;                ///< octets of a remote reply that are kept
  Duration probe_interval = std::chrono::seconds{1};  ///< between attempts to write while the disk fails
  Duration verdict_wait =
      std::chrono::seconds{5};  ///< a commit whose write failed waits so long for the failure to be durable
  Duration identity_interval = std::chrono::minutes{1};
  Duration look_interval = std::chrono::seconds{1};  ///< at free space, and for what else there is to be done
};

/// The world as the spool uses it; all outlive it.
struct SpoolWorld {
  world::Disk& disk;
  world::Workers& commit_worker;  ///< one thread, nobody else's
  world::Workers& readers;        ///< reading, body files, making and compacting segments
  world::Log& log;
  const world::Clock& clock;
  world::Random& random;
};

}  // namespace posthorn::store
