#include "mail/path.hpp"

#include "base/ascii.hpp"
#include "mail/invalid.hpp"

#include <utility>

namespace posthorn::mail {
namespace {

/// What stands before the ">" that is not inside a quoted string; takes the ">" too.
Result<std::string_view> take_inside(Scanner& scanner) {
  const auto start = scanner.position();
  bool quoted = false;
  while (!scanner.at_end()) {
    if (!quoted && scanner.peek() == '>') {
      const auto inside = scanner.since(start);
      scanner.take('>');
      return inside;
    }
    if (scanner.take('"')) {
      quoted = !quoted;
    } else {
      if (quoted) scanner.take('\\');
      scanner.take_some(1);
    }
  }
  return invalid("the path is not closed");
}

/// RFC 5321 §4.1.2: A-d-l ":", as in `@a.example,@b.example:`. Checked, then ignored (§4.1.1.3, appendix C).
Result<> skip_source_route(Scanner& scanner) {
  if (scanner.peek() != '@') return {};
  do {
    if (!scanner.take('@')) return invalid("the source route is malformed");
    const auto host = scanner.take_while([](char c) { return c != ',' && c != ':'; });
    const auto domain = Domain::parse(host);
    if (!domain || domain->is_literal()) return invalid("the source route is malformed");
  } while (scanner.take(','));
  if (!scanner.take(':')) return invalid("the source route is malformed");
  return {};
}

}  // namespace

Result<Path> take_path(Scanner& scanner) {
  if (!scanner.take('<')) return invalid("the path does not start with <");
  const auto inside = take_inside(scanner);
  if (!inside) return failure(inside.error());
  if (inside->empty()) return NullPath{};
  if (ascii::same_word(*inside, "postmaster")) return PostmasterPath{};  // RFC 5321 §4.1.1.3
  Scanner rest(*inside);
  if (auto route = skip_source_route(rest); !route) return failure(std::move(route).error());
  auto address = Address::parse(rest.rest());
  if (!address) return failure(std::move(address).error());
  return *std::move(address);
}

Result<Path> parse_path(std::string_view text) {
  Scanner scanner(text);
  auto path = take_path(scanner);
  if (path && !scanner.at_end()) return invalid("text follows the path");
  return path;
}

}  // namespace posthorn::mail
