// UsersBoard: in the engine, the names of the users as the keys process last read them. When the users file is seen to be
// another one, whoever looks waits a moment for its names, which are asked for. Any thread.
#pragma once

#include "store/directory_files.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace posthorn::cli {

class UsersBoard {
 public:
  using Names = std::shared_ptr<const store::GivenUsers>;

  explicit UsersBoard(Names first) : names_(std::move(first)) {}

  /// Asks for the names of the file that is there now. Once, before others use the board.
  void ask_by(std::function<void()> ask) { ask_ = std::move(ask); }
  void replace(Names names);
  [[nodiscard]] Names current() const;
  /// `seen`: the file's mark now. Waits for at most `wait_for_names`, and for the same mark only once.
  [[nodiscard]] Names current(const store::FileMark& seen);

  static constexpr Duration wait_for_names = std::chrono::seconds{3};

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Names names_;
  std::optional<store::FileMark> given_up_;  ///< waited for in vain
  std::function<void()> ask_;
};

}  // namespace posthorn::cli
