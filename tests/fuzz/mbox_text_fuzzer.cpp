// The text of a mail in an mbox: however it was cut into pieces it is the same; no line of it begins a mail; taking one ">" away again
// gives back what was put in.
#include "base/assert.hpp"
#include "store/mbox_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace posthorn;

namespace {

std::string quoted(std::string_view text, std::size_t piece) {
  store::FromQuoter quoter;
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) quoter.feed(text.substr(0, piece), out);
  quoter.finish(out);
  return out;
}

bool is_from(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of('>'), line.size()));
  return line.starts_with("From ");
}

/// As a reader of mboxrd does it.
std::string unquoted(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n') + 1);
    text.remove_prefix(line.size());
    ensure(!line.starts_with("From "), "no line begins a mail");
    if (line.starts_with('>') && is_from(line)) line.remove_prefix(1);
    out += line;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto whole = quoted(text, size + 1);
  ensure(whole == quoted(text, 1) && whole == quoted(text, 3), "cutting makes no difference");
  const bool lacks_end = !text.empty() && text.back() != '\n';
  ensure(unquoted(whole) == text + (lacks_end ? "\n\n" : "\n"), "nothing is lost, and an empty line stands behind it");
  return 0;
}
