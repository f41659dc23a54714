#include "system/input_file.hpp"

#include "system/descriptor.hpp"
#include "system/posix_file.hpp"
#include "system/system_error.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::size_t copy_octets = 64U << 10;

std::string copy_folder() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && *named == '/' ? named : "/tmp";
}

/// Ends with the process, whatever happens to it.
Result<Descriptor> open_nameless() {
  const auto folder = copy_folder();
  Descriptor made{::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (made.is_open()) return made;
  auto name = folder + "/posthorn-XXXXXX";
  Descriptor named{::mkostemp(name.data(), O_CLOEXEC)};
  if (!named.is_open()) return system_failure("make a file in " + folder);
  ::unlink(name.c_str());
  return named;
}

Result<> write_all(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = uninterrupted([&] { return ::write(to, bytes.data(), bytes.size()); });
    if (count < 0) return system_failure("copy to a file in " + copy_folder());
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<Descriptor> copy_of(const Descriptor& from, const std::string& path, std::uint64_t most) {
  auto copy = open_nameless();
  if (!copy) return copy;
  std::array<char, copy_octets> piece{};
  for (std::uint64_t copied = 0;;) {
    const auto count = uninterrupted([&] { return ::read(from.get(), piece.data(), piece.size()); });
    if (count < 0) return system_failure("read " + path);
    if (count == 0) return copy;
    copied += static_cast<std::uint64_t>(count);
    if (copied > most) {
      return failure(
          Error::Kind::invalid,
          fmt::format("read {}: it does not end within {} MiB; write it to a file and send that", path, most >> 20U));
    }
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(count));
    if (auto written = write_all(copy->get(), bytes); !written) return failure(std::move(written.error()));
  }
}

Result<Descriptor> open_named(const std::string& path) {
  if (path == "-") {
    Descriptor input{::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    if (!input.is_open()) return system_failure("read standard input");
    return input;
  }
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (!file.is_open()) return system_failure("open " + path);
  return file;
}

}  // namespace

Result<InputFile> open_input(const std::string& path, std::uint64_t most_copied) {
  const auto shown = path == "-" ? std::string("standard input") : path;
  auto file = open_named(path);
  if (!file) return failure(std::move(file.error()));
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0) return system_failure("read " + shown);
  if (S_ISDIR(facts.st_mode)) return failure(Error::Kind::invalid, "read " + shown + ": it is a folder");
  // Files of the kernel's (/proc) are regular, of no size, and another at each reading.
  if (path == "-" || !S_ISREG(facts.st_mode) || facts.st_size == 0) {
    auto copy = copy_of(*file, shown, most_copied);
    if (!copy) return failure(std::move(copy.error()));
    file = std::move(copy);
  }
  InputFile input{.file = std::make_unique<PosixFile>(std::move(*file), shown),
                  .name = path == "-" ? std::string{} : path.substr(path.rfind('/') + 1)};
  const auto size = input.file->size();
  if (!size) return failure(size.error());
  input.size = *size;
  return input;
}

Result<std::string> absolute_path(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::array<char, 4096> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) return system_failure("find the current folder");
  return std::string(here.data()) + "/" + path;
}

}  // namespace posthorn::system
