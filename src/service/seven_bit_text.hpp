// SevenBitText: a message's text converted for a server without 8BITMIME (mail/downgrade), made piece by piece while it is
// sent: it never stands in memory whole.
#pragma once

#include "mail/downgrade.hpp"
#include "service/text_source.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::service {

class SevenBitText final : public TextSource {
 public:
  /// Reads the original twice, to find out what has to be converted and how long the result is. `original` outlives it and
  /// is read by nobody else meanwhile. Errors: `unsupported` (it cannot be converted, and why), those of the original.
  [[nodiscard]] static world::Task<Result<SevenBitText>> make(world::Loop& loop, TextSource& original);

  SevenBitText(SevenBitText&& other) noexcept;
  SevenBitText& operator=(SevenBitText&&) = delete;
  ~SevenBitText() override = default;

  [[nodiscard]] std::uint64_t octets() const override { return octets_; }
  [[nodiscard]] world::Task<Result<std::string_view>> next(world::Loop& loop) override;
  void rewind() override;

 private:
  SevenBitText(TextSource& original, mail::DowngradePlan plan);

  TextSource* original_;
  mail::DowngradePlan plan_;
  mail::Downgrade conversion_;
  std::uint64_t octets_ = 0;
  std::string piece_;
  bool at_end_ = false;
};

}  // namespace posthorn::service
