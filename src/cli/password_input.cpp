#include "cli/password_input.hpp"

#include "base/clean_text.hpp"
#include "system/descriptor.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <optional>

namespace posthorn::cli {
namespace {

constexpr std::size_t longest_line = 4'096;

/// Typed text is not shown for as long as it lives.
class HiddenTyping {
 public:
  HiddenTyping() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    auto hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;
  ~HiddenTyping() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_{};
  bool changed_ = false;
};

/// Octet by octet, so that what follows the line stays for whoever reads next.
Result<Secret> read_line(int descriptor) {
  std::string line;
  line.reserve(longest_line);  // one place in memory, which Secret wipes
  for (char c = '\0'; line.size() < longest_line; line += c) {
    const auto got = system::uninterrupted([&] { return ::read(descriptor, &c, 1); });
    if (got < 0) return system::system_failure("read the password");
    if (got == 0 || c == '\n') break;
  }
  if (line.size() == longest_line) return failure(Error::Kind::invalid, "the password is longer than 4096 octets");
  if (line.ends_with('\r')) line.pop_back();
  return Secret(std::move(line));
}

bool same(const Secret& one, const Secret& two) { return one.reveal() == two.reveal(); }

}  // namespace

Result<Secret> read_password_file(const std::string& path) {
  if (path == "-") return read_line(STDIN_FILENO);
  const system::Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file.is_open()) return system::system_failure("open " + LogText(path).text());
  auto line = read_line(file.get());
  if (!line) return failure(std::move(line.error()).context(LogText(path).text()));
  return line;
}

Result<Secret> ask_new_password(Console& console, const std::string& whose) {
  if (::isatty(STDIN_FILENO) != 1) return read_line(STDIN_FILENO);
  const HiddenTyping hidden;
  console.remark("New password of {}: ", whose);
  auto first = read_line(STDIN_FILENO);
  console.remark("\nThe same again: ");
  if (!first) return first;
  const auto second = read_line(STDIN_FILENO);
  console.remark("\n");
  if (!second) return failure(second.error());
  if (!same(*first, *second)) return failure(Error::Kind::invalid, "the two passwords differ; nothing was changed");
  return first;
}

}  // namespace posthorn::cli
