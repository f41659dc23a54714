// CRC-32C (Castagnoli; RFC 3720 §12.1 and appendix B.4): the checksum of what we store. Finds accidents, not forgers.
// Uses the processor's instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace posthorn {

/// The checksum of `bytes`, or of more: crc32c(b, crc32c(a)) is that of a and b one after another.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

/// The same in portable code, for processors without the instruction and for tests.
[[nodiscard]] std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before = 0);

}  // namespace posthorn
