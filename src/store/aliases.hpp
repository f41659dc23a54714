// The aliases file, as in aliases(5): `name: target, target`, continued by lines that start with a blank, comments by "#".
// Left: a name in each of our domains, one address (info@example.org), or everyone else in a domain (@example.org), quoted
// where needed; or /a regular expression/ for addresses of nobody else (rules/alias_pattern). Right: names, "\name" (the user, whatever aliases there are), addresses, `:include:/path` (a file of
// such targets). Programs ("|…") and files ("/…") are refused: mail starts no program and is written into mailboxes only.
// What cannot be used is a fault with its line and leaves the rest alone; an alias all of whose targets are faults stays
// known, so that its mail waits instead of being refused. Bounded: AliasLimits.
#pragma once

#include "base/result.hpp"
#include "rules/directory.hpp"
#include "store/file_fault.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

struct AliasLimits {
  std::uint64_t file_octets = 64ULL << 20;  ///< of each file
  std::size_t targets = 1'000'000;          ///< of all aliases
  std::size_t includes = 1000;              ///< files included, in all
  std::size_t include_depth = 8;            ///< files that include files
  std::size_t patterns = 1000;              ///< regular expressions
};

struct AliasList {
  rules::AliasTable aliases;
  std::vector<rules::AliasPattern> patterns;
  std::vector<FileFault> faults;
};

/// One target as it may stand on the right. Error: `invalid`, its text goes on where the target was quoted: "is no name".
[[nodiscard]] Result<rules::AliasTarget> parse_alias_target(std::string_view text);

/// Gives the text of a file that :include: names.
using IncludeReader = std::function<Result<std::string>(const std::string& path)>;

/// `file` is for messages only.
[[nodiscard]] AliasList parse_aliases(std::string_view text, const std::string& file, const IncludeReader& read_include,
                                      const AliasLimits& limits = {});

}  // namespace posthorn::store
