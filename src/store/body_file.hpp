// BodyWriter: the body of a large message on its way into a file of its own, `spool/bodies/ID`, unencoded, before the
// message itself is committed. finish() makes the file and its name durable. A writer or a finished body that is dropped
// takes its file away; what a crash leaves behind is removed at the next start.
#pragma once

#include "base/message_id.hpp"
#include "base/result.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

class BodyFiles;

/// A body that is durable and waits for its message. Move-only.
class FinishedBody {
 public:
  FinishedBody() = default;
  FinishedBody(FinishedBody&&) noexcept = default;
  FinishedBody& operator=(FinishedBody&& other) noexcept;
  ~FinishedBody();

  [[nodiscard]] MessageId id() const { return id_; }
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  /// CRC-32C of each block (SpoolSettings::body_block_octets; the last may be shorter).
  [[nodiscard]] const std::vector<std::uint32_t>& checksums() const { return checksums_; }
  /// The file belongs to a message now (or to the next recovery).
  void keep() { files_.reset(); }

 private:
  friend class BodyWriter;
  std::shared_ptr<BodyFiles> files_;
  MessageId id_;
  std::uint64_t octets_ = 0;
  std::vector<std::uint32_t> checksums_;
};

/// One body being written. One loop's thread; one call at a time.
class BodyWriter {
 public:
  BodyWriter() = default;
  BodyWriter(std::shared_ptr<BodyFiles> files, MessageId id);
  BodyWriter(BodyWriter&&) noexcept;
  BodyWriter& operator=(BodyWriter&&) noexcept;
  ~BodyWriter();

  /// Adds octets at the end; small pieces are gathered, so that most calls return at once. `bytes` stay valid until it
  /// returns. After an error (no_space, io, …) the writer is only good for being dropped.
  [[nodiscard]] world::Task<Result<>> append(world::Loop& loop, std::string_view bytes);
  /// Syncs the file and its name. The writer is empty afterwards.
  [[nodiscard]] world::Task<Result<FinishedBody>> finish(world::Loop& loop);
  [[nodiscard]] std::uint64_t octets() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::store
