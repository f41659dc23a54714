// The message scanner, whole and cut: the first octets of the input say where. Facts must not depend on the cuts, must be
// what a slow reading of the text finds, and must agree with the header reader.
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/header_field.hpp"
#include "mail/message_scanner.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace posthorn;

namespace {

const mail::MessageScanner::Settings tight{
    .octets = 300, .line_octets = 60, .header_octets = 200, .header_fields = 5, .received_fields = 2};

mail::MessageFacts scanned_in_pieces(std::string_view text, std::string_view cuts) {
  mail::MessageScanner scanner(tight);
  for (const char cut : cuts) {
    const auto piece = text.substr(0, static_cast<unsigned char>(cut));
    scanner.feed(piece);
    text.remove_prefix(piece.size());
  }
  scanner.feed(text);
  scanner.finish();
  return scanner.facts();
}

bool has_bare_line_end(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return true;
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return true;
  }
  return false;
}

void check_against_header_reader(std::string_view text, const mail::MessageFacts& facts) {
  mail::HeaderReader reader(text);
  std::uint32_t fields = 0;
  std::uint32_t from_fields = 0;
  std::uint32_t malformed = 0;
  while (const auto field = reader.next()) {
    ++(field->name.empty() ? malformed : fields);
    if (field->is("from")) ++from_fields;
  }
  ensure(fields == facts.header_fields && malformed == facts.malformed_header_lines, "both read the same fields");
  ensure(from_fields == facts.from_fields, "both read the same From fields");
  if (facts.header_ended) ensure(reader.body().size() == text.size() - facts.header_octets, "both find the same body");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const auto cuts = std::string_view(input).substr(0, std::min<std::size_t>(8, input.size()));
  const auto text = std::string_view(input).substr(cuts.size());
  const auto facts = scanned_in_pieces(text, {});
  ensure(facts == scanned_in_pieces(text, cuts), "facts do not depend on the cuts");
  ensure(facts == scanned_in_pieces(text, std::string(text.size(), '\1')), "not even octet by octet");
  const bool unclean = has_bare_line_end(text);
  const bool said = facts.fault == mail::MessageFault::bare_cr || facts.fault == mail::MessageFault::bare_lf;
  ensure(unclean == said, "a bare CR or LF is always found");
  ensure(facts.fault.has_value() || (!text.contains('\0') && text.size() <= tight.octets), "a fault is always found");
  ensure(utf8::is_ascii(text) == !(facts.header_has_8bit || facts.body_has_8bit), "the eighth bit is always found");
  if (!unclean) check_against_header_reader(text, facts);
  return 0;
}
