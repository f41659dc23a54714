// The quota file of a mailbox, which other programs write too: whatever stands in it is read or refused; what we write is read back
// as it was meant; what was added is added up; folder names are safe in a folder.
#include "base/assert.hpp"
#include "store/maildir_names.hpp"
#include "store/quota_file.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  if (const auto file = store::parse_quota_file(text)) {
    const auto again = store::parse_quota_file(store::quota_file(file->limit, file->use));
    ensure(again && again->limit == file->limit && again->use == file->use, "what is written is read back");
    const auto more = store::parse_quota_file(text.substr(0, text.rfind('\n') + 1) + store::quota_line({100, 1}));
    ensure(more && more->entries == file->entries + 1, "a line more is one more entry");
  }
  if (const auto name = store::maildir_folder_name(text)) {
    ensure(name->starts_with('.') && name->size() > 1 && name->at(1) != '.', "it is a folder beside new and cur");
    ensure(name->find('/') == std::string::npos && name->find('\0') == std::string::npos, "it is one name");
  }
  static_cast<void>(store::size_in_name(text));
  return 0;
}
