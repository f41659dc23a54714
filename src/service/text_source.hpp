// TextSource: where an outgoing connection reads a message's text from, piece by piece: the spool, or a conversion of it.
#pragma once

#include "base/result.hpp"
#include "store/spool.hpp"
#include "world/loop.hpp"
#include "world/task.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::service {

class TextSource {
 public:
  TextSource() = default;
  TextSource(const TextSource&) = delete;
  TextSource& operator=(const TextSource&) = delete;
  virtual ~TextSource() = default;

  [[nodiscard]] virtual std::uint64_t octets() const = 0;
  /// The next piece, empty at the end; valid until the next call. One call at a time.
  [[nodiscard]] virtual world::Task<Result<std::string_view>> next(world::Loop& loop) = 0;
  /// Starts over.
  virtual void rewind() = 0;
};

/// As it stands in the spool.
class SpoolText final : public TextSource {
 public:
  explicit SpoolText(store::MessageText text) : text_(std::move(text)) {}

  [[nodiscard]] std::uint64_t octets() const override { return text_.octets(); }
  [[nodiscard]] world::Task<Result<std::string_view>> next(world::Loop& loop) override { return text_.next(loop); }
  void rewind() override { text_.rewind(); }

 private:
  store::MessageText text_;
};

}  // namespace posthorn::service
