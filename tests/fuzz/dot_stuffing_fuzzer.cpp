// Dot-stuffing both ways: what the encoder writes the decoder reads as the same text, however both are cut; what a decoder
// takes for the end is <CRLF>.<CRLF> and nothing else, as a plain search for it says.
#include "base/assert.hpp"
#include "smtp/data_framing.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

using posthorn::ensure;
using namespace posthorn::smtp;

namespace {

struct Decoded {
  std::string text;
  bool ended = false;
  bool faulty = false;
  std::size_t used = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view wire, std::size_t step) {
  DotDecoder decoder;
  Decoded decoded;
  while (decoded.used < wire.size() && !decoded.ended && !decoded.faulty) {
    // A copy, so that a sanitizer sees what is read past its end.
    const std::string input(wire.substr(decoded.used, step));
    const auto piece = decoder.read(input);
    ensure(piece.used <= input.size() && piece.text.size() <= piece.used, "no more comes out than went in");
    decoded.text += piece.text;
    decoded.used += piece.used;
    decoded.ended = piece.status == TextPiece::Status::ended;
    decoded.faulty = piece.status == TextPiece::Status::fault;
  }
  if (decoded.faulty) decoded.used = 0;  // nobody goes on behind a fault
  return decoded;
}

/// The first octet that is a bare CR, a bare LF or a NUL (a CR at the very end is none yet); the size if there is none.
std::size_t first_fault(std::string_view wire) {
  for (std::size_t at = 0; at < wire.size(); ++at) {
    const bool after_cr = at > 0 && wire[at - 1] == '\r';
    if (after_cr != (wire[at] == '\n') || wire[at] == '\0') return at;
  }
  return wire.size();
}

void check_decoder(std::string_view wire) {
  const auto whole = decode(wire, wire.size());
  for (const std::size_t step : {1U, 2U, 3U, 7U}) ensure(decode(wire, step) == whole, "cuts change nothing");
  const auto mark = wire.starts_with(".\r\n") ? 0 : wire.find("\r\n.\r\n");
  const auto end = mark == std::string_view::npos ? wire.size() : mark + (mark == 0 && wire.front() == '.' ? 3 : 5);
  ensure(whole.ended == (end <= first_fault(wire) && mark != std::string_view::npos), "only the mark ends data");
  if (whole.ended) ensure(whole.used == end, "nothing behind the mark is touched");
  if (first_fault(wire) < end) ensure(whole.faulty, "what is bare is a fault");
}

void check_round_trip(std::string_view text, std::size_t step) {
  DotEncoder encoder;
  std::string wire;
  for (std::size_t at = 0; at < text.size(); at += step) {
    if (encoder.encode(text.substr(at, step), wire)) {
      ensure(first_fault(text) < text.size(), "only bare octets are refused");
      return;
    }
  }
  if (encoder.finish(wire)) {
    ensure(text.ends_with('\r'), "only bare octets are refused");
    return;
  }
  const auto decoded = decode(wire, 5);
  const bool lacks_end = !text.empty() && !text.ends_with("\r\n");
  ensure(decoded.ended && decoded.used == wire.size(), "what is sent ends where it ends");
  ensure(decoded.text == std::string(text) + (lacks_end ? "\r\n" : ""), "what is sent is what is read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  const std::string bytes(data, data + size);
  check_decoder(bytes);
  for (const std::size_t step : {1U, 3U, 8192U}) check_round_trip(bytes, step);
  return 0;
}
