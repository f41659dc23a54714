// KeyedHash: SipHash-2-4 (Aumasson and Bernstein, 2012), a hash whose places nobody can choose who does not know the key.
// For tables that strangers fill: who has failed to log in, who asked for what. Not for passwords, not for signatures.
#pragma once

#include <cstdint>
#include <string_view>

namespace posthorn {

class KeyedHash {
 public:
  struct Key {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
  };

  explicit KeyedHash(Key key) : key_(key) {}

  [[nodiscard]] std::uint64_t of(std::string_view octets) const;

 private:
  Key key_;
};

}  // namespace posthorn
