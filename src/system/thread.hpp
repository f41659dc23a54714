// Thread: a named thread that takes no signals, joined when destroyed. Whoever starts one makes sure that it ends.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace posthorn::system {

class Thread {
 public:
  Thread() = default;
  /// The name shows in ps and gdb; the kernel keeps 15 characters of it.
  Thread(const std::string& name, std::move_only_function<void()> work);
  Thread(Thread&&) noexcept = default;
  Thread& operator=(Thread&&) noexcept = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() = default;

  void join();

 private:
  std::jthread thread_;
};

}  // namespace posthorn::system
