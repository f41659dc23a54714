// What is encoded for transfer is decoded here by a reading of its own, and must come back; header text likewise stays one
// field; and the downgrade of a message is 7-bit or refused.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"
#include "base/utf8.hpp"
#include "mail/downgrade.hpp"
#include "mail/header_field.hpp"
#include "mail/header_writer.hpp"
#include "mail/transfer_encoding.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

std::string decoded(std::string_view encoded) {
  std::string out;
  while (!encoded.empty()) {
    if (encoded.starts_with("=\r\n")) {
      encoded.remove_prefix(3);
      continue;
    }
    if (encoded.front() != '=') {
      out += encoded.front();
      encoded.remove_prefix(1);
      continue;
    }
    unsigned value = 256;
    std::from_chars(encoded.data() + 1, encoded.data() + std::min<std::size_t>(3, encoded.size()), value, 16);
    ensure(value < 256, "an escape has two digits");
    out += static_cast<char>(static_cast<unsigned char>(value));
    encoded.remove_prefix(3);
  }
  return out;
}

void check_lines(std::string_view text, std::size_t limit) {
  ensure(utf8::is_ascii(text) && !text.contains('\0'), "encoded text is ASCII");
  while (!text.empty()) {
    const auto line_end = std::min(text.find("\r\n"), text.size());
    const auto line = text.substr(0, line_end);
    ensure(line.size() <= limit, "encoded lines are short");
    ensure(line.find_first_of("\r\n") == std::string_view::npos, "encoded lines are clean");
    text.remove_prefix(std::min(line_end + 2, text.size()));
  }
}

void check_header(const std::string& text) {
  const auto field = mail::unstructured_field("Subject", text);
  check_lines(field, 78);
  mail::HeaderReader reader(field);
  const auto read = reader.next();
  ensure(read && read->is("Subject") && read->raw == field, "header text is one field");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto quoted = mail::encode_quoted_printable(text);
  check_lines(quoted, 76);
  ensure(!quoted.contains(" \r\n") && !quoted.contains("\t\r\n"), "no line ends in a blank");
  ensure(decoded(quoted) == text, "quoted-printable carries every octet");

  auto lines = mail::encode_base64_lines(text);
  check_lines(lines, 76);
  std::erase_if(lines, [](char c) { return c == '\r' || c == '\n'; });
  ensure(base64::decode(lines) == text, "base64 carries every octet");

  check_header(text);
  const auto downgraded = mail::downgrade_to_7bit(text);
  ensure(!downgraded || utf8::is_ascii(*downgraded), "what is downgraded is 7-bit");
  ensure(downgraded.has_value() || downgraded.error().kind == Error::Kind::unsupported, "or it says why not");
  return 0;
}
