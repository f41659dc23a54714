// Resource data from a stranger's DNS answer: never more than the octets hold, names that can be written down, and what is
// written down can be asked for again.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "system/dns_decode.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

using namespace posthorn;

namespace {

void check_name(const std::string& name) {
  ensure(name.size() <= 253 && !name.ends_with('.') && !name.starts_with('.'),
         "a name has its length and no outer dots");
  ensure(std::ranges::none_of(name, [](char c) { return c <= ' ' || c == '\x7f' || (c >= 'A' && c <= 'Z'); }),
         "a name is lower case, without blanks and control characters");
  ensure(name.empty() || system::is_askable(name), "a name that was read can be asked for");
}

std::string wire_form(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return wire + '\0';
}

void check_record(world::DnsType type, std::string_view data) {
  const auto record = system::decode_record(type, data);
  if (!record) return;
  if (const auto* mx = std::get_if<world::MxRecord>(&*record)) check_name(mx->host);
  const auto* text = std::get_if<std::string>(&*record);
  if (text == nullptr) return;
  if (type == world::DnsType::txt) {
    ensure(text->empty() || text->size() < data.size(), "each string of a TXT record has its length in front");
  } else {
    check_name(*text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using enum world::DnsType;
  constexpr std::array types{a, ns, cname, ptr, mx, txt, aaaa, tlsa};
  const std::string octets(data + 1, data + size);
  check_record(types[data[0] % types.size()], octets);
  const auto name = system::decode_name(octets);
  if (!name) return 0;
  check_name(*name);
  ensure(system::decode_name(wire_form(*name)) == *name, "a name in wire form again is the same name");
  return 0;
}
