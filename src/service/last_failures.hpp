// LastFailures: what was said of destinations when they could not be reached, for those who share the failure without an
// attempt of their own (rules/queue_plan). It holds no more than twice as many as the plan remembers, or a thousand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>

namespace posthorn::service {

class LastFailures {
 public:
  /// Whether the plan remembers this destination.
  using IsRemembered = std::function<bool(const std::string& destination)>;

  explicit LastFailures(IsRemembered is_remembered) : is_remembered_(std::move(is_remembered)) {}

  void note(const std::string& destination, std::string text) {
    texts_[destination] = std::move(text);
    if (texts_.size() < clean_at_) return;
    std::erase_if(texts_, [this](const auto& failure) { return !is_remembered_(failure.first); });
    clean_at_ = std::max(2 * texts_.size(), least);
  }
  void forget(const std::string& destination) { texts_.erase(destination); }
  /// Empty: nothing is known.
  [[nodiscard]] std::string text_of(const std::string& destination) const {
    const auto found = texts_.find(destination);
    return found == texts_.end() ? std::string{} : found->second;
  }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  static constexpr std::size_t least = 1'000;

  IsRemembered is_remembered_;
  std::unordered_map<std::string, std::string> texts_;
  std::size_t clean_at_ = least;
};

}  // namespace posthorn::service
