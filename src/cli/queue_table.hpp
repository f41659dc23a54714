// What the control interface tells of messages, as people read it.
#pragma once

#include "cli/console.hpp"
#include "cli/queued_message.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::cli {

/// Prints a list as it comes in, message by message; it is never in memory whole.
class QueueTable {
 public:
  explicit QueueTable(Console& console) : console_(console) {}

  /// A piece of the JSON array.
  void take(std::string_view octets);
  /// The last line: how many there were.
  void end();

 private:
  void take_line(std::string_view line);

  Console& console_;
  QueuedMessageReader reader_;
  std::string line_;   ///< as far as it has come
  std::string shown_;  ///< and is not printed yet
  std::uint64_t messages_ = 0;
  std::uint64_t recipients_ = 0;
};

/// One message with its history and dialogues.
void print_message(std::string_view json, Console& console);
/// The same in a few words: where it stands and why.
void print_fate(std::string_view json, Console& console);
/// The steps of an explanation.
void print_explanation(std::string_view json, Console& console);

}  // namespace posthorn::cli
