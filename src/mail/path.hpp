// Path: what MAIL and RCPT name between angle brackets (RFC 5321 §4.1.2): a mailbox, the null reverse-path `<>`, or
// `<postmaster>` without a domain (§4.1.1.3). A source route is read and forgotten (§4.1.1.3, appendix C).
#pragma once

#include "base/result.hpp"
#include "base/scanner.hpp"
#include "mail/address.hpp"

#include <string_view>
#include <variant>

namespace posthorn::mail {

/// `<>`
struct NullPath {
  bool operator==(const NullPath&) const = default;
};

/// `<postmaster>`, in any case, with no domain: the postmaster of this server.
struct PostmasterPath {
  bool operator==(const PostmasterPath&) const = default;
};

using Path = std::variant<NullPath, PostmasterPath, Address>;

/// Takes a path, from "<" to ">", where the scanner stands, and leaves the scanner behind it. On an error the scanner's
/// place says nothing. Error: `invalid`, its text says why and repeats nothing of the input.
[[nodiscard]] Result<Path> take_path(Scanner& scanner);

/// The whole text as a path.
[[nodiscard]] Result<Path> parse_path(std::string_view text);

}  // namespace posthorn::mail
