// named_wait(): any text; a wait that is found is bounded, and the text says so wherever it is asked.
#include "base/assert.hpp"
#include "rules/retry_schedule.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace posthorn;
  const std::string text(data, data + size);
  const auto wait = rules::named_wait(text);
  if (!wait) return 0;
  ensure(*wait >= Duration::zero() && *wait <= std::chrono::days{3'650}, "a named wait is bounded");
  ensure(rules::is_greylisting(text), "who names a wait asks us to come back");
  const rules::RetrySettings settings;
  const auto step = rules::next_step(settings, {.attempts = 1, .named_wait = wait}, Duration::zero(), ~0ULL);
  ensure(step.wait <= settings.longest_named_wait / 4 * 5, "a peer cannot put a message off for ever");
  return 0;
}
