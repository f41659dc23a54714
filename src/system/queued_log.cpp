#include "system/queued_log.hpp"

#include "system/system_error.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <utility>

namespace posthorn::system {

QueuedLog::QueuedLog(const world::Clock& clock, Descriptor socket, const Settings& settings)
    : clock_(clock), settings_(settings), level_(settings.level), socket_(std::move(socket)) {
  thread_ = Thread{"log", [this] { send_until_end(); }};
}

QueuedLog::~QueuedLog() {
  {
    const std::lock_guard lock{mutex_};
    ends_ = true;
    last_moment_ = after(clock_.now(), settings_.last_wait);
  }
  last_round_ = true;
  wake_.notify_one();
  thread_.join();
}

void QueuedLog::write_to(JournalNumber journal, const world::LogRecord& record) {
  const bool urgent = record.level <= world::LogLevel::warning;
  add(encode(clock_.wall(), record, journal), urgent);
}

void QueuedLog::reconnect(Descriptor socket) {
  {
    const std::lock_guard lock{mutex_};
    next_socket_ = std::move(socket);
  }
  wake_.notify_one();
}

void QueuedLog::set_format(LogFormat format) { add(encode(ChangeLogFormat{format}), true); }
void QueuedLog::reopen() { add(encode(ReopenLog{}), true); }

void QueuedLog::add(std::string message, bool urgent) {
  const auto limit = settings_.buffer + (urgent ? settings_.urgent_buffer : 0);
  bool was_empty = false;
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() + message.size() > limit) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    was_empty = waiting_.empty();
    waiting_ += message;
    urgent_ = urgent_ || urgent;
  }
  if (was_empty || urgent) wake_.notify_one();
}

void QueuedLog::send_until_end() {
  std::string sending;
  std::unique_lock lock{mutex_};
  while (wait_for_records(lock)) {
    sending.swap(waiting_);
    urgent_ = false;
    lock.unlock();
    const bool sent = send(sending) && send(report_dropped());
    sending.clear();
    lock.lock();
    if (!sent) socket_.reset();
  }
}

bool QueuedLog::wait_for_records(std::unique_lock<std::mutex>& lock) {
  const auto may_send = [this] { return socket_.is_open() || next_socket_.is_open(); };
  wake_.wait(lock, [&] { return ends_ || (!waiting_.empty() && may_send()); });
  // A line that comes alone would wake this thread and the log process for itself: let others join it.
  wake_.wait_for(lock, settings_.gather, [this] { return ends_ || urgent_; });
  if (next_socket_.is_open()) socket_ = std::exchange(next_socket_, Descriptor{});
  return !waiting_.empty() && socket_.is_open();
}

std::string QueuedLog::report_dropped() {
  const auto dropped = dropped_.load(std::memory_order_relaxed);
  if (dropped == reported_) return {};
  const auto lines = dropped - std::exchange(reported_, dropped);
  return encode(clock_.wall(), {world::LogLevel::warning, "log.dropped", {{"lines", lines}}});
}

bool QueuedLog::send(std::string_view messages) {
  while (!messages.empty()) {
    const auto packet = next_packet(messages);
    const auto sent =
        uninterrupted([&] { return ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT); });
    if (sent >= 0) {
      messages.remove_prefix(packet.size());
    } else if (errno != EAGAIN || !wait_for_room()) {
      return false;
    }
  }
  return true;
}

bool QueuedLog::wait_for_room() {
  if (last_round_ && clock_.now() >= last_moment_) return false;
  pollfd room{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
  ::poll(&room, 1, 100);
  return true;
}

}  // namespace posthorn::system
