#include "service/seven_bit_text.hpp"

#include <utility>

namespace posthorn::service {

world::Task<Result<SevenBitText>> SevenBitText::make(world::Loop& loop, TextSource& original) {
  mail::Downgrade survey;
  std::string nothing;
  original.rewind();
  while (true) {
    const auto piece = co_await original.next(loop);
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) break;
    survey.feed(*piece, nothing);
  }
  survey.finish(nothing);
  auto plan = survey.plan();
  if (!plan) co_return failure(std::move(plan.error()));
  SevenBitText text(original, *std::move(plan));
  text.rewind();
  std::uint64_t octets = 0;
  while (true) {
    const auto piece = co_await text.next(loop);
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) break;
    octets += piece->size();
  }
  text.octets_ = octets;
  text.rewind();
  co_return std::move(text);
}

SevenBitText::SevenBitText(TextSource& original, mail::DowngradePlan plan)
    : original_(&original), plan_(std::move(plan)), conversion_({}, plan_) {}

SevenBitText::SevenBitText(SevenBitText&& other) noexcept
    : original_(other.original_),
      plan_(std::move(other.plan_)),
      conversion_(std::move(other.conversion_)),
      octets_(other.octets_),
      piece_(std::move(other.piece_)),
      at_end_(other.at_end_) {}

void SevenBitText::rewind() {
  original_->rewind();
  conversion_ = mail::Downgrade({}, plan_);
  at_end_ = false;
}

world::Task<Result<std::string_view>> SevenBitText::next(world::Loop& loop) {
  piece_.clear();
  while (piece_.empty() && !at_end_) {
    const auto original = co_await original_->next(loop);
    if (!original) co_return failure(original.error());
    at_end_ = original->empty();
    if (at_end_) {
      conversion_.finish(piece_);
    } else {
      conversion_.feed(*original, piece_);
    }
  }
  co_return std::string_view(piece_);
}

}  // namespace posthorn::service
