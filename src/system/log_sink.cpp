#include "system/log_sink.hpp"

#include "system/system_error.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

Result<Descriptor> open_output(const std::string& file) {
  if (file.empty()) {
    Descriptor copy{::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    if (!copy.is_open()) return system_failure("open standard error");
    return copy;
  }
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  Descriptor output{::open(file.c_str(), flags, S_IRUSR | S_IWUSR | S_IRGRP)};
  if (!output.is_open()) return system_failure("open the log file " + file);
  struct stat facts{};
  if (::fstat(output.get(), &facts) != 0) return system_failure("open the log file " + file);
  if (!S_ISREG(facts.st_mode)) return failure(Error::Kind::invalid, "the log file " + file + " is not a regular file");
  return output;
}

/// After a write that failed. Standard error may be a pipe that somebody made non-blocking: it gets a second to drain.
bool may_try_again(int output) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd room{.fd = output, .events = POLLOUT, .revents = 0};
  const bool has_room = ::poll(&room, 1, 1'000) > 0;
  if (!has_room) errno = EAGAIN;
  return has_room;
}

}  // namespace

Result<LogSink> LogSink::open(const std::string& file) {
  auto output = open_output(file);
  if (!output) return failure(std::move(output.error()));
  return LogSink{file, std::move(*output)};
}

void LogSink::write(std::string_view lines) {
  if (std::exchange(half_line_, false)) put("\n");
  const auto done = put(lines);
  if (done == lines.size()) return;
  why_lost_ = error_text(errno);
  lost_ += static_cast<std::uint64_t>(std::ranges::count(lines.substr(done), '\n'));
  take_back(done - (lines.substr(0, done).rfind('\n') + 1));
}

std::size_t LogSink::put(std::string_view octets) {
  std::size_t done = 0;
  while (done < octets.size()) {
    const auto count = ::write(output_.get(), octets.data() + done, octets.size() - done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0 || !may_try_again(output_.get())) {
      break;
    }
  }
  return done;
}

void LogSink::take_back(std::size_t octets) {
  if (octets == 0) return;
  struct stat facts{};
  const bool is_file = ::fstat(output_.get(), &facts) == 0 && S_ISREG(facts.st_mode);
  half_line_ = !is_file || ::ftruncate(output_.get(), facts.st_size - static_cast<off_t>(octets)) != 0;
}

Result<> LogSink::reopen() {
  if (file_.empty()) return {};
  auto output = open_output(file_);
  if (!output) return failure(std::move(output.error()));
  output_ = std::move(*output);
  half_line_ = false;
  return {};
}

}  // namespace posthorn::system
