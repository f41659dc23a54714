#include "cli/users_board.hpp"

#include <utility>

namespace posthorn::cli {

void UsersBoard::replace(Names names) {
  const std::lock_guard lock{mutex_};
  names_ = std::move(names);
  arrived_.notify_all();
}

UsersBoard::Names UsersBoard::current() const {
  const std::lock_guard lock{mutex_};
  return names_;
}

UsersBoard::Names UsersBoard::current(const store::FileMark& seen) {
  std::unique_lock lock{mutex_};
  const auto is_here = [&] { return names_->mark == seen; };
  if (is_here() || !ask_ || given_up_ == seen) return names_;
  ask_();
  if (!arrived_.wait_for(lock, wait_for_names, is_here)) given_up_ = seen;
  return names_;
}

}  // namespace posthorn::cli
