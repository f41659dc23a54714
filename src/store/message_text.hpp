// MessageText::State: the text of a loaded message: what came with the record, then the blocks of the body file.
// Inner to the spool.
#pragma once

#include "store/spool_core.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace posthorn::store {

struct MessageText::State {
  /// Takes the text out of `message`.
  State(std::shared_ptr<SpoolCore> of, MessageId named, ReadMessage& message);

  /// The next block of the body file, checked. Blocks. Errors: `corrupt`, io.
  [[nodiscard]] Result<> read_block();

  std::shared_ptr<SpoolCore> core;
  MessageId id;
  std::uint64_t octets = 0;
  std::string content;  // head, or all
  std::optional<BodyFacts> body;
  bool content_was_given = false;
  std::size_t next_block = 0;
  std::unique_ptr<world::File> file;
  std::string block;
};

}  // namespace posthorn::store
