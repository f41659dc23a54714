// The header of a submitted message from any octets: no Bcc is left, nothing else is lost, the result does not depend on
// cuts, and the count of From fields agrees with the scanner's.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "mail/header_field.hpp"
#include "mail/message_scanner.hpp"
#include "mail/submission_header.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace posthorn;

namespace {

std::string filtered(std::string_view text, std::size_t piece, mail::SubmissionHeader& header) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) out += header.feed(text.substr(at, piece));
  return out += header.finish();
}

mail::MessageFacts facts_of(std::string_view text) {
  mail::MessageScanner scanner({});
  scanner.feed(text);
  scanner.finish();
  return scanner.facts();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  mail::SubmissionHeader whole;
  const auto out = filtered(text, text.size() + 1, whole);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    mail::SubmissionHeader cut;
    ensure(filtered(text, piece, cut) == out && cut.from() == whole.from(), "cuts do not matter");
  }
  const auto before = facts_of(text);
  // Messages with these are refused as a whole.
  if (before.fault || text.size() > 100'000) return 0;
  const auto after = facts_of(out);
  ensure(after.bcc_fields == 0, "no Bcc is left");
  ensure(before.bcc_fields > 0 || out == text, "without a Bcc nothing changes");
  ensure(before.from_fields == whole.from_fields(), "From is counted as the scanner counts it");
  ensure(before.date_fields == after.date_fields && before.message_id_fields == after.message_id_fields,
         "nothing else is lost");
  return 0;
}
