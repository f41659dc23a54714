#include "sim/disk_choice.hpp"

#include "base/assert.hpp"

namespace posthorn::sim {

std::uint64_t SeededChoice::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  auto mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

std::uint64_t ExhaustiveChoice::pick(std::uint64_t options) {
  if (position_ == picks_.size()) picks_.push_back({0, options});
  const auto& pick = picks_[position_++];
  ensure(pick.options == options, "equal picks lead to equal questions");
  return pick.taken;
}

bool ExhaustiveChoice::next() {
  picks_.resize(position_);
  position_ = 0;
  while (!picks_.empty() && picks_.back().taken + 1 == picks_.back().options) picks_.pop_back();
  is_at_end_ = picks_.empty();
  if (is_at_end_) return false;
  ++picks_.back().taken;
  ++seen_;
  return true;
}

}  // namespace posthorn::sim
