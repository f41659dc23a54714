// The aliases file on any text, included by itself too, and every alias followed to its ends: it always ends, within its
// bounds, and what it says is clean.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/address.hpp"
#include "rules/directory.hpp"
#include "rules/recipient_router.hpp"
#include "store/aliases.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const store::AliasLimits limits{.file_octets = size, .targets = 1000, .includes = 50, .include_depth = 4};
  const auto list =
      store::parse_aliases(text, "aliases", [&](const std::string&) { return Result<std::string>(text); }, limits);
  std::size_t targets = 0;
  for (const auto& [key, alias] : list.aliases) targets += alias.targets.size();
  ensure(targets <= limits.targets, "targets are bounded");
  for (const auto& fault : list.faults)
    ensure(utf8::is_valid(fault.text) && !fault.text.contains('\n'), "one clean line");

  rules::Directory::Parts parts;
  parts.domains = {"example.org"};
  parts.users = {mail::UserName::parse("alice").value()};
  parts.aliases = list.aliases;
  const rules::Directory directory(std::move(parts));
  const rules::RouterSettings settings{.depth = 5, .destinations = 20, .faults = 3};
  for (const auto& [key, alias] : list.aliases) {
    const auto address = mail::Address::parse(key.contains('@') ? key : key + "@example.org");
    if (!address) continue;
    const auto resolution = rules::resolve(*address, directory, settings);
    const auto* routed = std::get_if<rules::Routed>(&resolution);
    if (routed == nullptr) continue;
    ensure(!routed->destinations.empty() && routed->destinations.size() <= settings.destinations,
           "some, and not too many");
    ensure(routed->faults.size() <= settings.faults, "few faults are told");
  }
  return 0;
}
