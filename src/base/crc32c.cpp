#include "base/crc32c.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

namespace posthorn {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // 0x1EDC6F41, its bits reversed

using Table = std::array<std::uint32_t, 256>;

/// tables[k][b]: what the octet b, followed by k zero octets, does to the checksum ("slicing by eight").
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t octet = 0; octet < 256; ++octet) {
    auto rest = octet;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? polynomial : 0);
    tables[0][octet] = rest;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t octet = 0; octet < 256; ++octet) {
      const auto shorter = tables[k - 1][octet];
      tables[k][octet] = (shorter >> 8) ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}

constexpr auto tables = make_tables();

std::uint64_t load_little_endian(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
  return word;
}

std::uint32_t step(std::uint32_t crc, char octet) {
  return (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(octet)) & 0xff];
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_processor(std::string_view bytes, std::uint32_t before) {
  std::uint64_t crc = ~before;
  while (bytes.size() >= 8) {
    crc = __builtin_ia32_crc32di(crc, load_little_endian(bytes.data()));
    bytes.remove_prefix(8);
  }
  auto rest = static_cast<std::uint32_t>(crc);
  for (const char octet : bytes) rest = __builtin_ia32_crc32qi(rest, static_cast<unsigned char>(octet));
  return ~rest;
}

bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }
#else
std::uint32_t crc32c_processor(std::string_view bytes, std::uint32_t before) { return crc32c_portable(bytes, before); }

bool has_instruction() { return false; }
#endif

}  // namespace

std::uint32_t crc32c_portable(std::string_view bytes, std::uint32_t before) {
  auto crc = ~before;
  while (bytes.size() >= 8) {
    const auto word = load_little_endian(bytes.data()) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables.at(7 - i).at((word >> (8 * i)) & 0xff);
    bytes.remove_prefix(8);
  }
  for (const char octet : bytes) crc = step(crc, octet);
  return ~crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  static const bool fast = has_instruction();
  return fast ? crc32c_processor(bytes, before) : crc32c_portable(bytes, before);
}

}  // namespace posthorn
