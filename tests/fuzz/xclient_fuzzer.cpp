// XCLIENT from any line: what is read is clean text of bounded length.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "smtp/xclient.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

void check(const std::optional<std::string>& value) {
  if (!value) return;
  ensure(!value->empty() && value->size() <= 255, "values are bounded");
  ensure(std::ranges::none_of(*value, ascii::is_control), "and hold no control character");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(data, data + size);
  if (!smtp::is_xclient(line)) return 0;
  const auto command = smtp::parse_xclient(line);
  if (!command) return 0;
  check(command->hello);
  check(command->host_name);
  check(command->login);
  return 0;
}
