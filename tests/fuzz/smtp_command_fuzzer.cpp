// One command line: whatever it is, a typed command or a fault with a refusal; what was read of an envelope is sound and
// can be sent on, and reads back as the same.
#include "base/assert.hpp"
#include "mail/dsn_parameters.hpp"
#include "smtp/command.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

using posthorn::ensure;
using namespace posthorn::smtp;
using posthorn::mail::Address;
using posthorn::mail::UnitextForm;

namespace {

void check_address(const Address& address) {
  const auto again = Address::parse(address.to_string());
  ensure(again && *again == address, "an address survives printing");
  ensure(std::ranges::none_of(address.to_string(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }),
         "an address has no control character");
}

void check(const MailCommand& command) {
  const auto& envelope = command.envelope;
  ensure(envelope.recipients.empty(), "MAIL names no recipients");
  if (envelope.sender) check_address(*envelope.sender);
  if (envelope.sender && envelope.sender->needs_smtputf8()) ensure(envelope.smtputf8, "non-ASCII needs SMTPUTF8");
  if (envelope.submitter && !envelope.submitter->empty())
    ensure(Address::parse(*envelope.submitter).has_value(), "a submitter is an address");
  if (envelope.envelope_id.empty()) return;
  const auto again = posthorn::mail::parse_envelope_id(posthorn::mail::envelope_id_value(envelope.envelope_id));
  ensure(again && *again == envelope.envelope_id, "an envelope id survives printing");
}

void check(const RcptCommand& command) {
  if (const auto* address = std::get_if<Address>(&command.path)) {
    check_address(*address);
    ensure(command.has_8bit || !address->needs_smtputf8(), "non-ASCII is told");
  }
  ensure(!command.notify.never || !(command.notify.success || command.notify.failure || command.notify.delay),
         "NEVER stands alone");
  if (!command.original) return;
  const auto again = posthorn::mail::parse_original_recipient(
      posthorn::mail::original_recipient_value(*command.original, UnitextForm::ascii));
  ensure(again && *again == *command.original, "an original recipient survives printing");
}

void check(const HelloCommand& command) {
  ensure(!command.name.empty() && command.name.size() <= 255, "a name has its bounds");
  ensure(std::ranges::all_of(command.name, [](char c) { return c > 0x20 && c < 0x7f; }), "a name is visible ASCII");
}
void check(const VerifyCommand& command) { ensure(!command.text.empty(), "there is something to verify"); }
void check(const AuthCommand& command) { ensure(!command.mechanism.empty(), "a mechanism has a name"); }
void check(const DataCommand&) {}
void check(const BdatCommand&) {}
void check(const ResetCommand&) {}
void check(const NoopCommand&) {}
void check(const HelpCommand&) {}
void check(const QuitCommand&) {}
void check(const StartTlsCommand&) {}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string line(data, data + size);
  std::erase_if(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  static_cast<void>(is_foreign_start(line));
  const auto command = parse_command(line, {});
  if (!command) {
    ensure(reply_to(command.error()).is_permanent(), "a fault is refused for good");
  } else {
    std::visit([](const auto& one) { check(one); }, *command);
  }
  return 0;
}
