// smtp::ClientSession against any server. The first octet chooses the settings, the rest is a run of steps, ended by 0xff
// each: "!t" the deadline passes, "!m" another message, "!q" quit, "!w" the next write fails, "!x" the next handshake fails,
// anything else is what the server says. In the end the connection is lost.
// What must hold: every message comes back once with an outcome for each recipient; nothing is delivered or in doubt whose end
// was not sent; no envelope and no text in the clear where TLS is required; no pipelining that was not offered; the same trace
// however the bytes were cut.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "smtp/client_session.hpp"
#include "support/memory_client.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using posthorn::ensure;
using posthorn::mail::Address;
using posthorn::mail::BodyType;
using posthorn::testing::MemoryClient;
namespace ascii = posthorn::ascii;
namespace smtp = posthorn::smtp;

namespace {

constexpr std::string_view text = "Subject: x\r\n\r\n.\r\ntext\r\n";
constexpr std::size_t most_messages = 20;

smtp::ClientSettings settings_of(std::uint8_t choice) {
  smtp::ClientSettings settings;
  settings.hello_name = "client.example.org";
  settings.dialect = (choice & 1) != 0 ? smtp::Dialect::lmtp : smtp::Dialect::smtp;
  settings.tls = static_cast<smtp::RemoteTls>((choice >> 1) & 3);
  settings.authenticate = (choice & 8) != 0;
  settings.chunking = (choice & 16) != 0;
  settings.pipelining = (choice & 32) == 0;
  settings.plain_text_passwords = (choice & 64) != 0;
  settings.recipients_per_transaction = (choice & 128) != 0 ? 2 : 100;
  return settings;
}

smtp::ClientMessage message(std::size_t number) {
  smtp::ClientMessage made;
  made.envelope.sender = Address::parse("alice@example.org").value();
  for (const auto* recipient : {"a@example.com", "b@example.com", "c@example.com"}) {
    made.envelope.recipients.push_back({.address = Address::parse(recipient).value()});
  }
  made.envelope.body = number % 3 == 1 ? BodyType::eight_bit : BodyType::seven_bit;
  made.size = text.size();
  made.stops_before_data = number % 4 == 3;
  return made;
}

class Play {
 public:
  Play(std::uint8_t choice, MemoryClient::Cut cut) : client_(settings_of(choice), std::move(cut)) {}

  void step(std::string_view words) {
    if (client_.is_closed()) return;
    if (words == "!t") {
      if (client_.awaited()) client_.session().timed_out();
    } else if (words == "!m") {
      return give();
    } else if (words == "!q") {
      if (is_free()) client_.session().quit();
    } else if (words == "!w") {
      client_.answers().failing_writes = 1;
    } else if (words == "!x") {
      client_.answers().tls_failures.emplace_back("handshake");
    } else {
      return client_.hear(words, true);
    }
    client_.run();
  }

  void give() {
    if (!is_free() || given_ == most_messages) return;
    client_.give(message(given_++), std::string(text));
  }

  void end() {
    client_.session().connection_lost("the end");
    client_.run();
    ensure(client_.is_closed(), "a lost connection ends the session");
    ensure(client_.done().size() == 3 * given_, "each recipient of each message has one outcome");
  }

  MemoryClient& client() { return client_; }

 private:
  bool is_free() { return client_.done().size() == 3 * given_; }

  MemoryClient client_;
  std::size_t given_ = 0;
};

std::string play(std::uint8_t choice, const std::vector<std::string_view>& steps, MemoryClient::Cut cut) {
  Play game(choice, std::move(cut));
  game.give();
  for (const auto step : steps) game.step(step);
  game.end();
  return game.client().trace();
}

bool holds_line(std::string_view trace, std::string_view line) {
  return trace.find(std::string("\n>>> ").append(line)) != std::string_view::npos;
}

void check(std::uint8_t choice, std::string_view trace) {
  using enum smtp::Outcome::Kind;
  const bool end_was_sent = holds_line(trace, ".\n") || holds_line(trace, "BDAT ");
  for (const auto kind : {delivered, unknown}) {
    const auto mark = "com " + std::to_string(static_cast<int>(kind)) + " ";
    ensure(end_was_sent || trace.find(mark) == std::string_view::npos, "what was not sent was not delivered");
  }
  const auto tls = settings_of(choice).tls;
  const bool must_encrypt = tls == smtp::RemoteTls::require || tls == smtp::RemoteTls::verify;
  const auto in_the_clear = trace.substr(0, trace.find("[handshake]"));
  if (must_encrypt) {
    for (const auto* forbidden : {"MAIL", "RCPT", "DATA", "BDAT", "AUTH", "."}) {
      ensure(!holds_line(in_the_clear, forbidden), "nothing of the mail is sent in the clear");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const auto choice = size > 0 ? data[0] : std::uint8_t{0};
  std::vector<std::string_view> steps;
  std::string_view rest = std::string_view(input).substr(size > 0 ? 1 : 0);
  while (!rest.empty()) {
    const auto end = rest.find('\xff');
    steps.push_back(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  const auto trace = play(choice, steps, MemoryClient::whole);
  check(choice, trace);
  ensure(play(choice, steps, [](std::size_t) { return 1; }) == trace, "cutting changes nothing");
  const bool pipelining = ascii::lower(input).find("pipelining") != std::string::npos;
  ensure(pipelining || trace.find("DATA\r\nMAIL") == std::string::npos, "no pipelining that was not offered");
  return 0;
}
