// A TOML document as a tree of plain values that know where they stand. toml++ and its exceptions end here.
// Bounds: the text at most 1 MiB, keys of at most 16 parts, values nested at most 256 deep.
#pragma once

#include "config/fault.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthorn::config {

struct Value;
struct Entry;

using Array = std::vector<Value>;
using Table = std::vector<Entry>;  ///< in the order of the file

/// A kind of value that no setting has: floating point, dates.
struct OtherValue {
  std::string_view name;  ///< "a number with a fraction"
};

struct Value {
  Place place;
  std::variant<std::string, std::int64_t, bool, Array, Table, OtherValue> content;
};

struct Entry {
  std::string key;
  Place place;  ///< of the key
  Value value;
};

inline constexpr std::size_t max_document_octets = 1024 * 1024;

/// Reads the text as TOML 1.0. The value holds a Table.
[[nodiscard]] std::expected<Value, Fault> parse_document(std::string_view text);

/// What the value is, for people: "a text", "a whole number", "a list".
[[nodiscard]] std::string_view name_of_type(const Value& value);

}  // namespace posthorn::config
