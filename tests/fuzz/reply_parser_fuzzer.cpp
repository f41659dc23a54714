// Replies from a server, whole and cut: the same replies, the same fault, within the bounds.
#include "base/assert.hpp"
#include "smtp/reply_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using posthorn::ensure;
using namespace posthorn::smtp;

namespace {

constexpr ReplyParser::Settings bounds{.line_octets = 60, .lines = 5};

struct Heard {
  std::vector<PeerReply> replies;
  std::optional<ReplyFault> fault;
  bool inside = false;
  bool operator==(const Heard&) const = default;
};

Heard hear(std::string_view bytes, std::size_t step) {
  ReplyParser parser(bounds);
  Heard heard;
  while (!bytes.empty() && !parser.fault()) {
    const std::string piece(bytes.substr(0, step));
    const auto used = parser.read(piece);
    ensure(used > 0 && used <= piece.size(), "a parser that waits takes what comes");
    bytes.remove_prefix(used);
    if (parser.has_reply()) heard.replies.push_back(parser.take());
  }
  heard.fault = parser.fault();
  heard.inside = parser.is_inside_reply();
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  const std::string bytes(data, data + size);
  const auto whole = hear(bytes, bytes.size());
  for (const std::size_t step : {1U, 2U, 5U, 61U}) ensure(hear(bytes, step) == whole, "cuts change nothing");
  for (const auto& reply : whole.replies) {
    ensure(reply.code >= 200 && reply.code < 600, "a code is 2yz to 5yz");
    ensure(!reply.lines.empty() && reply.lines.size() <= bounds.lines, "a reply has lines, and not too many");
    for (const auto& line : reply.lines)
      ensure(line.size() <= bounds.line_octets && line.find('\n') == std::string::npos, "a line has its bound");
    static_cast<void>(reply.status());
  }
  return 0;
}
