#include "system/memory_file.hpp"

#include "system/system_error.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace posthorn::system {
namespace {

Result<std::size_t> size_of_regular(const Descriptor& file, const std::string& name) {
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return system_failure("open " + name);
  if (!S_ISREG(facts.st_mode)) return failure(Error::Kind::invalid, "open " + name + ": it is not a regular file");
  return static_cast<std::size_t>(facts.st_size);
}

Result<Descriptor> open_regular(const std::string& path, int more) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more)};
  if (!file.is_open()) return system_failure("open " + path);
  if (auto regular = size_of_regular(file, path); !regular) return failure(std::move(regular.error()));
  return file;
}

}  // namespace

Result<Descriptor> make_memory_file(const std::string& name, std::string_view text) {
  Descriptor file{::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!file.is_open()) return system_failure("make a file in memory");
  while (!text.empty()) {
    const auto count = uninterrupted([&] { return ::write(file.get(), text.data(), text.size()); });
    if (count <= 0) return system_failure("write a file in memory");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return system_failure("seal a file in memory");
  }
  return file;
}

Result<std::string> read_whole(const Descriptor& file, const std::string& name, std::size_t most) {
  const auto expected = size_of_regular(file, name);
  if (!expected) return failure(expected.error());
  // One block, unless the file grows meanwhile: no copies of what may be secret are left in freed memory.
  std::string text(std::min(*expected, most) + 1, '\0');
  std::size_t size = 0;
  while (true) {
    if (size > most) return failure(Error::Kind::invalid, "read " + name + ": the file is too large");
    if (size == text.size()) text.resize(std::min(2 * size, most + 1));
    const auto count = uninterrupted(
        [&] { return ::pread(file.get(), text.data() + size, text.size() - size, static_cast<off_t>(size)); });
    if (count < 0) return system_failure("read " + name);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

Result<Descriptor> open_for_reading(const std::string& path) { return open_regular(path, 0); }

Result<Descriptor> open_without_links(const std::string& path) { return open_regular(path, O_NOFOLLOW); }

}  // namespace posthorn::system
