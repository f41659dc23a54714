// Who decides what a power cut leaves on the disk. Option 0 always means "as little as possible" (lost) and the last
// option "as much as possible" (kept), so that the two extremes are simple choices as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace posthorn::sim {

class CrashChoice {
 public:
  CrashChoice() = default;
  CrashChoice(const CrashChoice&) = default;
  CrashChoice& operator=(const CrashChoice&) = default;
  virtual ~CrashChoice() = default;

  /// One of 0 … options - 1; `options` is at least 1.
  virtual std::uint64_t pick(std::uint64_t options) = 0;
  /// True: a torn write has one form (its first sector arrived), so that few choices cover a crash. False: each sector
  /// of it is chosen for itself.
  [[nodiscard]] virtual bool coarse() const { return false; }
};

/// Everything that was not synced is lost.
class LoseAll final : public CrashChoice {
 public:
  std::uint64_t pick(std::uint64_t /*options*/) override { return 0; }
  [[nodiscard]] bool coarse() const override { return true; }
};

/// Everything arrived, as if the power had waited.
class KeepAll final : public CrashChoice {
 public:
  std::uint64_t pick(std::uint64_t options) override { return options - 1; }
  [[nodiscard]] bool coarse() const override { return true; }
};

/// Draws from a seed; equal seeds give equal draws.
class SeededChoice final : public CrashChoice {
 public:
  explicit SeededChoice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t pick(std::uint64_t options) override { return options < 2 ? 0 : next() % options; }
  /// 64 bits of chance (splitmix64).
  std::uint64_t next();
  /// True once in `one_in` times; never for 0.
  bool chance(std::uint32_t one_in) { return one_in != 0 && pick(one_in) == 0; }

 private:
  std::uint64_t state_;
};

/// Goes through every combination of choices, one run after another:
///   ExhaustiveChoice choice;
///   do { auto after = disk.after_power_cut(choice); … } while (choice.next());
/// The number of options at each pick may depend on the picks before it, on nothing else.
class ExhaustiveChoice final : public CrashChoice {
 public:
  std::uint64_t pick(std::uint64_t options) override;
  [[nodiscard]] bool coarse() const override { return true; }
  /// Asked once more from the first question on, with the answers of this combination.
  void start_again() { position_ = 0; }
  /// Moves to the next combination. False: all have been seen.
  bool next();
  [[nodiscard]] bool is_at_end() const { return is_at_end_; }
  [[nodiscard]] std::uint64_t combinations_seen() const { return seen_; }

 private:
  struct Pick {
    std::uint64_t taken;
    std::uint64_t options;
  };
  std::vector<Pick> picks_;
  std::size_t position_ = 0;
  std::uint64_t seen_ = 1;
  bool is_at_end_ = false;
};

}  // namespace posthorn::sim
