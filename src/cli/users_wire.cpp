#include "cli/users_wire.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"

#include <algorithm>

namespace posthorn::cli {
namespace {

constexpr std::size_t longest_path = 4'096;

}  // namespace

std::string encode(const store::FileMark& mark) {
  ByteWriter writer;
  writer.put_text(mark.path);
  writer.put_flag(mark.is_there);
  writer.put(mark.inode);
  writer.put(mark.octets);
  writer.put(mark.modified_ns);
  return writer.take();
}

Result<store::FileMark> decode_file_mark(std::string_view octets) {
  ByteReader reader{octets};
  store::FileMark mark;
  mark.path = reader.take_text(longest_path);
  mark.is_there = reader.take_flag();
  mark.inode = reader.take<std::uint64_t>();
  mark.octets = reader.take<std::uint64_t>();
  mark.modified_ns = reader.take_signed();
  if (!reader.complete()) return failure(Error::Kind::corrupt, "a malformed packet about the users file");
  return mark;
}

std::string names_only(std::string_view users) {
  std::string names;
  while (!users.empty()) {
    const auto end = std::min(users.find('\n'), users.size());
    const auto line = users.substr(0, end);
    names += line.substr(0, line.find(':'));
    if (end < users.size()) names += '\n';
    users.remove_prefix(std::min(end + 1, users.size()));
  }
  return names;
}

}  // namespace posthorn::cli
