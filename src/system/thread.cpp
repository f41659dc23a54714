#include "system/thread.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace posthorn::system {

Thread::Thread(const std::string& name, std::move_only_function<void()> work) {
  // A new thread inherits the mask, so no signal can reach it between its birth and its first line.
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::jthread{[name = name.substr(0, 15), inner = std::move(work)]() mutable {
    pthread_setname_np(pthread_self(), name.c_str());
    inner();
  }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Thread::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace posthorn::system
