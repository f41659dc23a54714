#include "system/posix_shared_files.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "system/child_process.hpp"
#include "system/file_lock.hpp"
#include "system/posix_file.hpp"
#include "system/posix_folder.hpp"
#include "system/process.hpp"
#include "system/system_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace posthorn::system {
namespace {

constexpr Duration lock_nap = std::chrono::milliseconds{20};
constexpr std::int64_t stale_after_ns = 15LL * 60 * 1'000'000'000;  // longer than any program holds a mailbox

class PosixSharedFile final : public world::SharedFile {
 public:
  PosixSharedFile(Descriptor descriptor, const std::string& path)
      : number_(descriptor.get()), path_(path), file_(std::move(descriptor), path) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    return file_.read_at(offset, into);
  }
  Result<> write_at(std::uint64_t offset, std::span<const std::string_view> pieces) override {
    return file_.write_at(offset, pieces);
  }
  Result<> sync_data() override { return file_.sync_data(); }
  Result<std::uint64_t> size() override { return file_.size(); }
  Result<> truncate(std::uint64_t size) override { return file_.truncate(size); }
  Result<> set_owner(unsigned user, unsigned group) override { return file_.set_owner(user, group); }
  Result<> close() override { return file_.close(); }

  /// RWF_APPEND rather than O_APPEND: with that flag on the file, Linux would append where write_at() says a position.
  Result<> append(std::string_view bytes) override {
    while (!bytes.empty()) {
      const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: the kernel only reads it
      const auto put = uninterrupted([&] { return ::pwritev2(number_, &piece, 1, 0, RWF_APPEND); });
      if (put < 0) return system_failure("add to " + path_);
      if (put == 0) return system_failure("add to " + path_, ENOSPC);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  Result<world::EntryFacts> facts() override { return file_.facts(); }
  Result<> lock(Duration wait) override { return lock_open_file(number_, path_, wait); }

 private:
  int number_;  // of the file below, for as long as that is open
  std::string path_;
  PosixFile file_;
};

class DotLock final : public world::FileLock {
 public:
  DotLock(world::Folder& folder, std::string_view name) : folder_(folder), name_(name) {}
  ~DotLock() override { static_cast<void>(folder_.remove(name_)); }

 private:
  world::Folder& folder_;
  std::string name_;
};

std::int64_t now_ns() {
  timespec now{};
  static_cast<void>(::clock_gettime(CLOCK_REALTIME, &now));
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool is_gone(std::uint64_t process) {
  return process <= static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max()) &&
         !is_running(static_cast<pid_t>(process));
}

/// What a power cut leaves of a lock that was being made: no program writes such.
bool is_torn(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c != '\n' && !ascii::is_printable(c); });
}

/// Whether nobody holds it any more.
Result<bool> is_left_behind(world::Folder& folder, std::string_view name, std::string_view mark) {
  const auto facts = folder.facts(name);
  if (!facts) return failure(facts.error());
  const auto file = folder.open_file(name, false);
  if (!file) return failure(file.error());
  std::array<char, 64> bytes{};
  const auto count = (*file)->read_at(0, bytes);
  if (!count) return failure(count.error());
  const std::string_view text{bytes.data(), *count};
  if (text == mark || is_torn(text)) return true;
  const auto process = ascii::to_number(text.substr(0, text.find_first_not_of("0123456789")));
  if (process && *process > 0 && is_gone(*process)) return true;
  return now_ns() - facts->modified_ns > stale_after_ns;
}

/// True: the name is free now, or will be.
Result<bool> clear_the_way(world::Folder& folder, std::string_view name, std::string_view mark) {
  const auto stale = is_left_behind(folder, name, mark);
  if (!stale) return stale.error().kind == Error::Kind::not_found ? Result<bool>{true} : stale;
  if (!*stale) return false;
  auto removed = folder.remove(name);
  if (!removed && removed.error().kind != Error::Kind::not_found) return failure(std::move(removed.error()));
  return true;
}

/// Written beside and renamed: a process that dies on the way leaves no lock that does not say whose it was. Nobody else
/// makes one there, as whoever has our mark holds another lock, too.
Result<> make_dot_lock(world::Folder& folder, std::string_view name, std::string_view mark) {
  const auto beside = std::string(name) + ".new";
  if (auto gone = folder.remove(beside); !gone && gone.error().kind != Error::Kind::not_found) return gone;
  auto file = folder.create_file(beside, 0600);
  if (!file) return failure(std::move(file.error()));
  auto done = (*file)->write_at(0, mark);
  if (done) done = folder.rename(beside, folder, name, false);
  if (!done) static_cast<void>(folder.remove(beside));
  return done;
}

}  // namespace

Result<std::unique_ptr<world::SharedFile>> PosixSharedFiles::open(world::Folder& folder, std::string_view name) {
  auto* there = dynamic_cast<PosixFolder*>(&folder);
  ensure(there != nullptr, "the folder is a real one");
  auto file = there->open_descriptor(name);
  if (!file) return failure(std::move(file.error()));
  return std::make_unique<PosixSharedFile>(std::move(*file), there->path() + "/" + std::string(name));
}

Result<std::unique_ptr<world::FileLock>> PosixSharedFiles::dot_lock(world::Folder& folder, std::string_view name,
                                                                    std::string_view mark, Duration wait) {
  while (true) {
    const auto free = clear_the_way(folder, name, mark);
    if (!free) return failure(free.error());
    if (*free) {
      const auto made = make_dot_lock(folder, name, mark);
      if (made) return std::make_unique<DotLock>(folder, name);
      if (made.error().kind != Error::Kind::exists) return failure(made.error());
      continue;
    }
    if (wait <= Duration{}) {
      return failure(Error::Kind::in_use, folder.path() + "/" + std::string(name) +
                                              ": another program holds the mailbox; remove the file if none does");
    }
    pause_for(lock_nap);
    wait -= lock_nap;
  }
}

}  // namespace posthorn::system
