#include "base/keyed_hash.hpp"

#include <array>
#include <bit>
#include <cstddef>

namespace posthorn {
namespace {

struct State {
  std::array<std::uint64_t, 4> v;

  explicit State(KeyedHash::Key key)
      : v{key.first ^ 0x736f6d6570736575ULL, key.second ^ 0x646f72616e646f6dULL, key.first ^ 0x6c7967656e657261ULL,
          key.second ^ 0x7465646279746573ULL} {}

  void round() {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] = std::rotl(v[2], 32);
  }

  void take(std::uint64_t word) {
    v[3] ^= word;
    round();
    round();
    v[0] ^= word;
  }

  std::uint64_t finish() {
    v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v[0] ^ v[1] ^ v[2] ^ v[3];
  }
};

/// Up to eight octets, the first one lowest.
std::uint64_t word_of(std::string_view octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(octets[i])} << (8 * i);
  }
  return word;
}

}  // namespace

std::uint64_t KeyedHash::of(std::string_view octets) const {
  State state(key_);
  auto rest = octets;
  for (; rest.size() >= 8; rest.remove_prefix(8)) state.take(word_of(rest.substr(0, 8)));
  state.take(word_of(rest) | std::uint64_t{octets.size() & 0xff} << 56U);
  return state.finish();
}

}  // namespace posthorn
