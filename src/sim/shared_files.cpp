#include "sim/shared_files.hpp"

#include "base/ascii.hpp"
#include "sim/disk_state.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace posthorn::sim {
namespace {

class DotLock final : public world::FileLock {
 public:
  DotLock(world::Folder& folder, std::string_view name) : folder_(folder), name_(name) {}
  ~DotLock() override { static_cast<void>(folder_.remove(name_)); }

 private:
  world::Folder& folder_;
  std::string name_;
};

/// What a power cut may leave of the mark; an empty one, too, which on the real disk is nobody's once it is old.
bool is_torn(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return c != '\n' && !ascii::is_printable(c); });
}

Result<bool> holds_mark(world::Folder& folder, std::string_view name, std::string_view mark) {
  const auto file = folder.open_file(name, false);
  if (!file) return failure(file.error());
  std::string text(mark.size() + 1, '\0');
  const auto count = (*file)->read_at(0, text);
  if (!count) return failure(count.error());
  text.resize(*count);
  return mark.starts_with(text) || is_torn(text);
}

}  // namespace

Result<std::unique_ptr<world::SharedFile>> SharedFiles::open(world::Folder& folder, std::string_view name) {
  return open_shared_handle(folder, name);
}

Result<std::unique_ptr<world::FileLock>> SharedFiles::dot_lock(world::Folder& folder, std::string_view name,
                                                               std::string_view mark, Duration /*wait*/) {
  auto made = folder.create_file(name, 0600);
  if (!made && made.error().kind == Error::Kind::exists) {
    const auto ours = holds_mark(folder, name, mark);
    if (!ours) return failure(ours.error());
    if (!*ours) return failure(Error::Kind::in_use, join(folder.path(), name) + ": in use");
    return std::make_unique<DotLock>(folder, name);
  }
  if (!made) return failure(std::move(made.error()));
  auto lock = std::make_unique<DotLock>(folder, name);
  if (auto put = (*made)->write_at(0, mark); !put) return failure(std::move(put.error()));
  return lock;
}

}  // namespace posthorn::sim
