// LogSink: where the lines of the log end up, a file or standard error. Lines that a full disk did not take are counted
// and reported when there is room again; no line is left half written in a file.
#pragma once

#include "base/result.hpp"
#include "system/descriptor.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace posthorn::system {

class LogSink {
 public:
  /// Empty: standard error. A file is opened without following a link, made with mode 0640, and appended to.
  /// Errors: is_link, not_permitted, not_found (its folder), invalid (no regular file).
  static Result<LogSink> open(const std::string& file);

  /// Whole lines with their ends. Those that were not taken are counted as lost.
  void write(std::string_view lines);
  /// Opens the file by its name again. When that fails, what is open stays.
  Result<> reopen();

  /// How many lines were lost since this was last asked.
  [[nodiscard]] std::uint64_t take_lost() { return std::exchange(lost_, 0); }
  /// Why the last one was.
  [[nodiscard]] const std::string& why_lost() const { return why_lost_; }
  [[nodiscard]] int descriptor() const { return output_.get(); }

 private:
  LogSink(std::string file, Descriptor output) : file_(std::move(file)), output_(std::move(output)) {}

  /// Returns how many octets went out; fewer than all with errno set.
  std::size_t put(std::string_view octets);
  /// Removes the beginning of a line that could not be ended.
  void take_back(std::size_t octets);

  std::string file_;
  Descriptor output_;
  std::uint64_t lost_ = 0;
  std::string why_lost_;
  bool half_line_ = false;  ///< where it could not be removed: the next line starts on its own
};

}  // namespace posthorn::system
