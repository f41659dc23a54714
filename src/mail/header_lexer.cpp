#include "mail/header_lexer.hpp"

namespace posthorn::mail {
namespace {

/// RFC 5322 §3.2.2: comment. The opening parenthesis stands next.
bool skip_comment(Scanner& scanner) {
  std::size_t depth = 0;
  while (!scanner.at_end()) {
    if (scanner.take('\\')) {
      scanner.take_some(1);
    } else if (scanner.take('(')) {
      ++depth;
    } else if (scanner.take(')')) {
      if (--depth == 0) return true;
    } else {
      scanner.take_some(1);
    }
  }
  return false;
}

}  // namespace

bool skip_cfws(Scanner& scanner) {
  while (true) {
    scanner.take_while(is_folding_blank);
    if (scanner.peek() != '(') return true;
    if (!skip_comment(scanner)) return false;
  }
}

std::optional<std::string> take_quoted_string(Scanner& scanner) {
  std::string content;
  scanner.take('"');
  while (!scanner.at_end()) {
    if (scanner.take('"')) return content;
    scanner.take('\\');
    const auto octet = scanner.take_some(1);
    if (octet != "\r" && octet != "\n") content += octet;  // RFC 5322 §3.2.4: a fold's line end is not part of it
  }
  return std::nullopt;
}

}  // namespace posthorn::mail
