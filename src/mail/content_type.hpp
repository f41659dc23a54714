// The Content-Type field (RFC 2045 §5.1): type, subtype and parameters. Parameters split or encoded by RFC 2231 are left as
// they are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::mail {

struct ContentType {
  std::string type;                                             ///< lower case
  std::string subtype;                                          ///< lower case
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values without quoting

  [[nodiscard]] bool is(std::string_view wanted_type, std::string_view wanted_subtype) const {
    return type == wanted_type && subtype == wanted_subtype;
  }
  /// The first of that name (lower case); null: none.
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

/// Reads a field's value; none if it is not one.
[[nodiscard]] std::optional<ContentType> parse_content_type(std::string_view value);

}  // namespace posthorn::mail
