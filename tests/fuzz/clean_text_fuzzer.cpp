// Base64 and the cleaning of text: both decide octet by octet, so any input reaches all of it.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"
#include "base/clean_text.hpp"
#include "base/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  ensure(base64::decode(base64::encode(text)) == text, "base64 carries every octet");
  if (const auto octets = base64::decode(text)) ensure(base64::encode(*octets) == text, "base64 has one form");

  const LogText log(text);
  ensure(utf8::is_valid(log.text()) && std::ranges::none_of(log.text(), ascii::is_control), "log text is clean");
  ensure(log.text().size() <= LogText::usual_limit + 3, "log text is bounded");
  ensure(LogText(log.text(), LogText::usual_limit + 3).text() == log.text(), "clean log text stays as it is");

  const ReplyText ascii_reply(text);
  ensure(std::ranges::all_of(ascii_reply.text(), ascii::is_printable), "reply text is printable");
  const ReplyText utf8_reply(text, ReplyText::Charset::utf8);
  ensure(utf8::is_valid(utf8_reply.text()) && std::ranges::none_of(utf8_reply.text(), ascii::is_control),
         "in UTF-8 too");
  ensure(std::max(ascii_reply.text().size(), utf8_reply.text().size()) <= ReplyText::usual_limit, "and bounded");
  return 0;
}
