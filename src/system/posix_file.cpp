#include "system/posix_file.hpp"

#include "system/system_error.hpp"

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <utility>

namespace posthorn::system {
namespace {

using world::EntryType;

EntryType type_of(mode_t mode) {
  if (S_ISREG(mode)) return EntryType::file;
  if (S_ISDIR(mode)) return EntryType::folder;
  return S_ISLNK(mode) ? EntryType::link : EntryType::other;
}

/// The pieces that are still to be written, as the kernel takes them.
class Pieces {
 public:
  explicit Pieces(std::span<const std::string_view> pieces) : rest_(pieces) { skip(0); }

  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

  /// As many of them as go into one call.
  std::span<const iovec> next() {
    std::size_t count = 0;
    for (; count < vectors_.size() && count < rest_.size(); ++count) {
      const auto piece = rest_[count].substr(count == 0 ? done_ : 0);
      vectors_.at(count) = {const_cast<char*>(piece.data()), piece.size()};  // NOLINT: the kernel only reads it
    }
    return {vectors_.data(), count};
  }

  /// That many octets were written.
  void skip(std::size_t octets) {
    done_ += octets;
    while (!rest_.empty() && done_ >= rest_.front().size()) {
      done_ -= rest_.front().size();
      rest_ = rest_.subspan(1);
    }
  }

 private:
  std::span<const std::string_view> rest_;
  std::size_t done_ = 0;  ///< octets of the first piece
  std::array<iovec, 256> vectors_{};
};

Result<off_t> to_offset(std::uint64_t offset, const std::string& path) {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return failure(Error::Kind::invalid, path + ": the position is past every file's end");
  }
  return static_cast<off_t>(offset);
}

}  // namespace

world::EntryFacts to_facts(const struct stat& facts) {
  return {.type = type_of(facts.st_mode),
          .size = static_cast<std::uint64_t>(facts.st_size),
          .mode = facts.st_mode & 07777U,
          .user = facts.st_uid,
          .group = facts.st_gid,
          .links = static_cast<unsigned>(facts.st_nlink),
          .modified_ns = facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec,
          .inode = facts.st_ino};
}

PosixFile::PosixFile(Descriptor descriptor, std::string path)
    : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

Result<std::size_t> PosixFile::read_at(std::uint64_t offset, std::span<char> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto position = to_offset(offset + done, path_);
    if (!position) return failure(position.error());
    const auto got =
        uninterrupted([&] { return ::pread(descriptor_.get(), into.data() + done, into.size() - done, *position); });
    if (got < 0) return system_failure("read " + path_);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<> PosixFile::write_at(std::uint64_t offset, std::span<const std::string_view> pieces) {
  for (Pieces rest{pieces}; !rest.is_empty();) {
    const auto position = to_offset(offset, path_);
    if (!position) return failure(position.error());
    const auto vectors = rest.next();
    const auto put = uninterrupted(
        [&] { return ::pwritev(descriptor_.get(), vectors.data(), static_cast<int>(vectors.size()), *position); });
    if (put < 0) return system_failure("write " + path_);
    if (put == 0) return system_failure("write " + path_, ENOSPC);
    rest.skip(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

Result<> PosixFile::sync_data() {
  // Never repeated after EINTR or any other error: what a failed sync left unwritten may be marked clean (FAULTS F4).
  if (::fdatasync(descriptor_.get()) != 0) return system_failure("sync " + path_);
  return {};
}

Result<std::uint64_t> PosixFile::size() {
  struct stat facts{};
  if (::fstat(descriptor_.get(), &facts) != 0) return system_failure("ask for the size of " + path_);
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<world::EntryFacts> PosixFile::facts() {
  struct stat facts{};
  if (::fstat(descriptor_.get(), &facts) != 0) return system_failure("look at " + path_);
  return to_facts(facts);
}

Result<> PosixFile::truncate(std::uint64_t size) {
  const auto position = to_offset(size, path_);
  if (!position) return failure(position.error());
  if (uninterrupted([&] { return ::ftruncate(descriptor_.get(), *position); }) != 0) {
    return system_failure("cut " + path_);
  }
  return {};
}

Result<> PosixFile::set_owner(unsigned user, unsigned group) {
  if (::fchown(descriptor_.get(), user, group) != 0) return system_failure("give away " + path_);
  return {};
}

Result<> PosixFile::close() {
  if (!descriptor_.is_open()) return failure(Error::Kind::invalid, path_ + ": closed already");
  // Linux has freed the descriptor when close() says EINTR.
  if (::close(descriptor_.release()) != 0 && errno != EINTR) return system_failure("close " + path_);
  return {};
}

}  // namespace posthorn::system
