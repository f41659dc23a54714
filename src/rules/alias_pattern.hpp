// AliasPattern: an alias for all addresses that a regular expression matches, as in Postfix's tables: `/^sales-(.+)@/: $1`.
// The expression is searched for in the whole address, whatever its case (anchor it by ^ and $). Matching takes time linear in
// the address, whatever the expression (RE2; docs/decisions/0056-regular-expressions-by-re2.md). Immutable; any thread.
#pragma once

#include "base/result.hpp"
#include "rules/alias.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace re2 {
class RE2;
}

namespace posthorn::rules {

class AliasPattern {
 public:
  static constexpr std::size_t longest = 1000;  ///< octets of an expression

  /// Error: `invalid`, its text says what is wrong with the expression.
  [[nodiscard]] static Result<AliasPattern> make(std::string_view expression, Alias alias);

  [[nodiscard]] const Alias& alias() const { return alias_; }
  /// The targets for this address in canonical form, $1 to $9 replaced by what the groups matched; a target that is no address
  /// then is left out. None: the expression does not match.
  [[nodiscard]] std::optional<std::vector<AliasTarget>> targets_for(std::string_view address) const;

 private:
  AliasPattern(std::shared_ptr<const re2::RE2> expression, Alias alias);

  std::shared_ptr<const re2::RE2> expression_;
  Alias alias_;
};

}  // namespace posthorn::rules
