// Address lists from any text: what was by the grammar is read back from a list made of its addresses.
#include "base/assert.hpp"
#include "mail/address_list.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto list = mail::parse_address_list(text, 1'000);
  ensure(list.mailboxes.size() <= 1'000, "the bound is kept");
  std::string written;
  for (const auto& mailbox : list.mailboxes) {
    ensure(mailbox.address || !list.well_formed, "a list by the grammar has addresses only");
    if (mailbox.address) written += mailbox.address->to_string() + ",\r\n ";
  }
  const auto again = mail::parse_address_list(written);
  ensure(again.well_formed && again.groups == 0, "what we write is by the grammar");
  std::size_t next = 0;
  for (const auto& mailbox : list.mailboxes) {
    if (!mailbox.address) continue;
    ensure(next < again.mailboxes.size() && again.mailboxes[next].address == mailbox.address, "and names the same");
    ++next;
  }
  ensure(next == again.mailboxes.size(), "and no others");
  return 0;
}
