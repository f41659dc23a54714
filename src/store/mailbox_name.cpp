#include "store/mailbox_name.hpp"

#include "base/ascii.hpp"

#include <fmt/core.h>

#include <string_view>

namespace posthorn::store {
namespace {

constexpr std::size_t longest_host = 100;  // leaves room for the size and flags that readers append

/// The Maildir convention: "/" as \057, ":" as \072. What else could not be part of a plain name is left out.
std::string host_part(std::string_view host) {
  std::string part;
  for (const char c : host) {
    if (part.size() >= longest_host) break;
    if (c == '/') {
      part += "\\057";
    } else if (c == ':') {
      part += "\\072";
    } else if (ascii::is_printable(c) && c != ' ' && c != ',') {
      part += c;
    }
  }
  return part.empty() ? "localhost" : part;
}

}  // namespace

std::string delivery_file_name(const DeliveryName& name, std::uint32_t recipient) {
  return fmt::format("{}.M{}P{}Q{}.{}", name.seconds, name.microseconds, name.process, name.counter + recipient,
                     host_part(name.host));
}

}  // namespace posthorn::store
