// What one process of the server says to another, as each of them reads it: whatever the octets are, they are read or
// refused, and what was read is what its writer would write.
#include "base/assert.hpp"
#include "cli/engine_orders.hpp"
#include "cli/users_wire.hpp"
#include "system/auth_wire.hpp"
#include "system/control_channel.hpp"
#include "system/keys_wire.hpp"

#include <cstddef>
#include <cstdint>

namespace {

using namespace posthorn;
using cli::encode;
using system::encode;

std::string_view text_of(const std::string& octets) { return octets; }
std::string_view text_of(const Secret& octets) { return octets.reveal(); }

/// Reading and writing are each other's inverse.
void check(const auto& read, std::string_view octets) {
  if (read) ensure(text_of(encode(*read)) == octets, "a packet has one form");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string octets{data, data + size};
  if (const auto packet = system::decode_control(octets)) {
    ensure(system::encode_control(packet->kind, packet->payload) == octets, "a packet has one form");
  }
  check(system::decode_sign_request(octets), octets);
  check(system::decode_identity_files(octets), octets);
  check(system::decode_identities(octets), octets);
  check(cli::decode_bound_socket(octets), octets);
  check(system::decode_auth_opening(octets), octets);
  check(system::decode_auth_step(octets), octets);
  check(system::decode_auth_stepped(octets), octets);
  check(system::decode_auth_offer(octets), octets);
  check(system::decode_auth_settings(octets), octets);
  check(system::decode_password_order(octets), octets);
  check(system::decode_password_verdict(octets), octets);
  check(cli::decode_file_mark(octets), octets);
  static_cast<void>(system::decode_loaded_keys(octets));
  const auto line = cli::shown_line(octets);
  for (const char each : line) ensure(each >= ' ' && each <= '~', "a line is printable");
  return 0;
}
