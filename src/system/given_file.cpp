#include "system/given_file.hpp"

#include "system/memory_file.hpp"

#include <sys/stat.h>

namespace posthorn::system {

Result<std::string> GivenFile::read(std::size_t most) {
  if (!file_.is_open()) return std::string{};
  struct stat facts{};
  if (::fstat(file_.get(), &facts) == 0) {
    read_ = {.size = facts.st_size, .modified_ns = facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec};
  }
  return read_whole(file_, name_, most);
}

GivenFile::State GivenFile::look() const {
  if (!file_.is_open()) return State::as_read;
  struct stat facts{};
  if (::fstat(file_.get(), &facts) != 0) return State::as_read;
  if (facts.st_nlink == 0) return State::gone;
  const Facts now{.size = facts.st_size, .modified_ns = facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec};
  return now == read_ ? State::as_read : State::changed;
}

}  // namespace posthorn::system
