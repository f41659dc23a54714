// A letter on its way into a mailbox: the name is safe in a folder whatever the host is called; the text is the same however
// it was cut into pieces, and loses nothing but Return-Path fields of its header and the CR of its line ends.
#include "base/assert.hpp"
#include "store/mailbox_name.hpp"
#include "store/mailbox_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace posthorn;

namespace {

void check_name(std::string_view host, std::uint64_t counter) {
  const auto name = store::delivery_file_name({1'790'000'000, 999'999, 4711, counter, std::string(host)}, 3);
  ensure(name.size() <= 200 && !name.starts_with('.'), "a name has its length and no leading dot");
  ensure(std::ranges::none_of(
             name, [](char c) { return c == '/' || c == ':' || c == ',' || c <= ' ' || c >= '\x7f' || c < 0; }),
         "a name is safe in a folder and in a Maildir");
}

std::string converted(std::string_view text, std::size_t piece) {
  store::MailboxText conversion;
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) conversion.feed(text.substr(0, piece), out);
  conversion.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_name(text, size);
  const auto whole = converted(text, size + 1);
  ensure(whole == converted(text, 1) && whole == converted(text, 3), "cutting makes no difference");
  ensure(whole.size() <= text.size(), "nothing is added");
  const auto body = text.find("\r\n\r\n");
  if (body == std::string::npos) return 0;
  std::string expected;
  store::LineEndConverter line_ends;
  line_ends.feed(std::string_view(text).substr(body + 2), expected);
  line_ends.finish(expected);
  ensure(whole.ends_with(expected), "the body is untouched but for its line ends");
  return 0;
}
