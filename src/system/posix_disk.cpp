#include "system/posix_disk.hpp"

#include "system/descriptor.hpp"
#include "system/posix_folder.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <utility>

namespace posthorn::system {
namespace {

constexpr int open_folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

/// One step down a path of the administrator's: links are followed.
Result<Descriptor> step_into(int folder, const std::string& name, const std::string& path) {
  Descriptor next{::openat(folder, name.c_str(), open_folder_flags)};
  if (!next.is_open() && errno == EACCES) next = Descriptor{::openat(folder, name.c_str(), open_folder_flags | O_PATH)};
  if (!next.is_open()) return system_failure("open the folder " + path);
  return next;
}

/// Makes the folder if it is not there, durably. Where a service manager forbids set-id bits, even asking for them fails,
/// also for a folder that is there with them: they come afterwards.
Result<> make_if_missing(int folder, const std::string& name, unsigned mode, const std::string& path) {
  if (::mkdirat(folder, name.c_str(), mode & S_IRWXU) != 0) {
    return errno == EEXIST ? Result<>{} : system_failure("make the folder " + path);
  }
  if (::fchmodat(folder, name.c_str(), mode, 0) != 0) return system_failure("set the mode of " + path);
  if (::fsync(folder) != 0) return system_failure("sync the folder of " + path);
  return {};
}

/// Cuts the next name off the front; empty at the end.
std::string_view next_name(std::string_view& rest) {
  const auto start = rest.find_first_not_of('/');
  rest.remove_prefix(start == std::string_view::npos ? rest.size() : start);
  const auto name = rest.substr(0, rest.find('/'));
  rest.remove_prefix(name.size());
  return name;
}

}  // namespace

PosixDisk::PosixDisk(const Settings& settings) : has_openat2_(settings.use_openat2 && kernel_has_openat2()) {}

Result<std::unique_ptr<world::Folder>> PosixDisk::open_root(const std::string& path) {
  Descriptor folder{::open(path.c_str(), open_folder_flags)};
  if (!folder.is_open()) return system_failure("open the folder " + path);
  return std::make_unique<PosixFolder>(std::move(folder), path, has_openat2_);
}

Result<std::unique_ptr<world::Folder>> PosixDisk::make_root(const std::string& path, unsigned mode) {
  auto here = step_into(AT_FDCWD, path.starts_with('/') ? "/" : ".", path);
  std::string_view rest = path;
  auto name = next_name(rest);
  while (here && !name.empty()) {
    const auto following = next_name(rest);
    const std::string step{name};
    auto made = make_if_missing(here->get(), step, following.empty() ? mode : 0755, path);
    if (!made) return failure(std::move(made.error()));
    here = step_into(here->get(), step, path);
    name = following;
  }
  if (!here) return failure(std::move(here.error()));
  return open_root(path);
}

}  // namespace posthorn::system
