// A message in chunks: the input is the text, cut into BDAT chunks by its first octets, with commands in the text. What is
// stored is the text, whatever stands in it, and the session is in step afterwards; text that is not clean is refused whole
// unless it was declared binary.
#include "base/assert.hpp"
#include "smtp/server_session.hpp"
#include "support/memory_reception.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using posthorn::ensure;
using posthorn::testing::MemoryReception;

namespace {

bool is_clean(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool after_cr = at > 0 && text[at - 1] == '\r';
    if (after_cr != (text[at] == '\n') || text[at] == '\0') return false;
  }
  return !text.ends_with('\r');
}

/// The text as a client sends it: BDAT after BDAT, the last one marked.
std::string in_chunks(std::string_view text, std::string_view sizes) {
  std::string wire;
  for (const char size : sizes) {
    const auto chunk = text.substr(0, static_cast<unsigned char>(size));
    wire.append("BDAT ").append(std::to_string(chunk.size())).append("\r\n").append(chunk);
    text.remove_prefix(chunk.size());
  }
  return wire.append("BDAT ").append(std::to_string(text.size())).append(" LAST\r\n").append(text);
}

void send_message(std::string_view text, std::string_view sizes, bool binary, std::size_t step) {
  MemoryReception server({.hostname = "mx.example.org", .postmaster = {}, .auth_mechanisms = {}});
  server.session().start();
  const std::string mail = binary ? "MAIL FROM:<> BODY=BINARYMIME\r\n" : "MAIL FROM:<>\r\n";
  const auto wire = "EHLO c\r\n" + mail + "RCPT TO:<a@b.example>\r\n" + in_chunks(text, sizes) + "MAIL FROM:<>\r\n";
  server.send(wire, [step](std::size_t) { return step; });
  ensure(!server.holds_message(), "a message is stored or dropped");
  if (!binary && !is_clean(text)) {
    ensure(server.stored().empty() && server.is_closed(), "text that is not clean is refused whole");
    return;
  }
  ensure(server.stored().size() == 1 && server.stored().front().text == text, "what is stored is the text");
  ensure(server.session().state() == posthorn::smtp::ServerSession::State::mail_started,
         "the session is in step behind it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || size > 4096) return 0;
  const std::string bytes(data, data + size);
  const auto sizes = std::string_view(bytes).substr(0, 4);
  const auto text = std::string_view(bytes).substr(4);
  for (const bool binary : {false, true}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{13}, std::size_t{1} << 20})
      send_message(text, sizes, binary, step);
  }
  return 0;
}
