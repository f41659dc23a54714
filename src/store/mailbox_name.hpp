// The unique file name of a delivery (INTERFACE.md, "Files"): <seconds>.M<microseconds>P<process>Q<counter>.<host>.
#pragma once

#include "store/spool_types.hpp"

#include <cstdint>
#include <string>

namespace posthorn::store {

/// The name for the recipient at this place in the envelope: the message's counter plus the place, so that two recipients
/// of one message never share a name in a mailbox they share. Whoever fixes a DeliveryName takes as many numbers from the
/// server's counter as the message has recipients.
/// Safe as a name in a folder and in a Maildir: no "/", ":" or control character, at most 200 octets, no leading dot.
[[nodiscard]] std::string delivery_file_name(const DeliveryName& name, std::uint32_t recipient);

}  // namespace posthorn::store
