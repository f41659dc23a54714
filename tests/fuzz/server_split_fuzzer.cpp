// The same bytes whole and cut anywhere: the same transcript and the same effects (FAULTS I18). The cuts come from the
// input too.
#include "base/assert.hpp"
#include "smtp/server_session.hpp"
#include "support/memory_reception.hpp"
#include "support/session_fuzz.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

using posthorn::ensure;
using namespace posthorn::testing;

namespace {

std::string trace_of(const SessionInput& input, const std::function<std::size_t(std::size_t)>& cut) {
  Decisions decisions(input);
  MemoryReception server(input.settings());
  decide_by(server, decisions);
  server.session().start();
  for (const auto& burst : input.bursts) server.send(burst, cut);
  const auto& facts = server.session().facts();
  return server.trace() + std::to_string(facts.commands) + " " + std::to_string(facts.errors) + " " + facts.hello +
         " " + facts.user;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const SessionInput input(std::string(data, data + size));
  const auto whole = trace_of(input, MemoryReception::whole);
  ensure(trace_of(input, [](std::size_t) { return 1U; }) == whole, "single octets give the same");

  std::uint64_t state = 1;
  for (const auto octet : input.control) state = state * 131 + octet;
  const auto chance = [&state](std::size_t left) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return 1 + (state >> 33) % (left < 40 ? left : 40);
  };
  ensure(trace_of(input, chance) == whole, "any cuts give the same");
  return 0;
}
