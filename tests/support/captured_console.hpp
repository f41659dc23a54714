// A console whose two streams are kept in memory, for tests of commands.
#pragma once

#include "cli/console.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace posthorn::testing {

/// A stream to a device that is always full.
struct FullStream {
  FullStream() : file(std::fopen("/dev/full", "w")) {}
  FullStream(const FullStream&) = delete;
  FullStream& operator=(const FullStream&) = delete;
  ~FullStream() { std::fclose(file); }
  std::FILE* file;
};

class CapturedConsole {
 public:
  explicit CapturedConsole(cli::Console::Colours colours = {}) : console_(out_.file, error_.file, colours) {}

  [[nodiscard]] cli::Console& console() { return console_; }
  [[nodiscard]] std::string out() { return out_.text(); }
  [[nodiscard]] std::string error() { return error_.text(); }

 private:
  struct Memory {
    Memory() : file(open_memstream(&text_begin, &size)) {}
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
      std::fclose(file);
      std::free(text_begin);
    }
    std::string text() {
      std::fflush(file);
      return {text_begin, size};
    }
    char* text_begin = nullptr;
    std::size_t size = 0;
    std::FILE* file;
  };

  Memory out_;
  Memory error_;
  cli::Console console_;
};

}  // namespace posthorn::testing
