// A whole server session against a reference model: after each reply the same code, the same state, as many recipients, and
// the same messages stored (FAULTS I16); one reply per command, each in the grammar of replies (I17).
#include "base/assert.hpp"
#include "smtp/reply_parser.hpp"
#include "smtp/server_session.hpp"
#include "support/memory_reception.hpp"
#include "support/reference_session.hpp"
#include "support/session_fuzz.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using posthorn::ensure;
using namespace posthorn::testing;
using posthorn::smtp::ReplyParser;
using posthorn::smtp::SendReply;

namespace {

void expect_replies(std::string_view output) {
  ReplyParser parser({.line_octets = 600, .lines = 32});
  while (!output.empty()) {
    output.remove_prefix(parser.read(output));
    ensure(parser.has_reply() && !parser.fault(), "what the server says is whole replies");
    static_cast<void>(parser.take());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const SessionInput input(std::string(data, data + size));

  Decisions decisions(input);
  MemoryReception server(input.settings());
  decide_by(server, decisions);
  std::vector<ReferenceSession::Step> steps;
  server.after_effect = [&](const auto& effect) {
    const auto* sent = std::get_if<SendReply>(&effect);
    if (sent == nullptr) return;
    const auto& session = server.session();
    steps.push_back({sent->reply.code(), session.state(),
                     session.envelope() != nullptr ? session.envelope()->recipients.size() : 0});
  };
  server.session().start();

  Decisions same_decisions(input);
  ReferenceSession reference(input.settings(), std::ref(same_decisions));
  for (const auto& burst : input.bursts) {
    server.send(burst);
    reference.send(burst);
    ensure(steps == reference.steps(), "the session is where the model is, after every reply");
    expect_replies(server.take_output());
  }
  ensure(server.stored().size() == reference.stored().size(), "the same messages are stored");
  for (std::size_t i = 0; i < server.stored().size(); ++i) {
    ensure(server.stored()[i].text == reference.stored()[i], "the same text is stored");
  }
  server.session().end_of_stream();
  server.run();
  ensure(server.is_closed() && !server.holds_message(), "a lost connection leaves nothing behind");
  return 0;
}
