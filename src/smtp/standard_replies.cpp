#include "smtp/standard_replies.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"

#include <fmt/core.h>

#include <array>
#include <string>

namespace posthorn::smtp::replies {
namespace {

// RFC 4954 §4: what a line of an authentication exchange may have.
constexpr std::size_t max_challenge_octets = 12'288;

struct HelpTopic {
  std::string_view command;
  const char* usage;
};
constexpr std::array<HelpTopic, 14> topics{{
    {"HELO", "HELO name: say who you are"},
    {"EHLO", "EHLO name: say who you are and hear what is offered"},
    {"MAIL", "MAIL FROM:<sender> [parameters]: begin a message"},
    {"RCPT", "RCPT TO:<recipient> [parameters]: name a recipient"},
    {"DATA", "DATA: then the text of the message, and a dot on a line by itself"},
    {"BDAT", "BDAT octets [LAST]: then so many octets of the message"},
    {"RSET", "RSET: forget the message begun"},
    {"NOOP", "NOOP: do nothing"},
    {"VRFY", "VRFY address: ask about an address"},
    {"HELP", "HELP [command]: this"},
    {"QUIT", "QUIT: end the session"},
    {"EXIT", "EXIT: the same as QUIT"},
    {"STARTTLS", "STARTTLS: encrypt the session"},
    {"AUTH", "AUTH mechanism [initial response]: prove who you are"},
}};

}  // namespace

Reply greeting(std::string_view hostname) { return {220, ReplyText{fmt::format("{} ESMTP Posthorn", hostname)}}; }

Reply message_accepted(MessageId id) {
  return {250, {2, 0, 0}, ReplyText{fmt::format("Accepted, id {}", id.to_string())}};
}

Reply challenge(std::string_view octets) {
  return {334, ReplyText{base64::encode(octets), ReplyText::Charset::ascii, max_challenge_octets}};
}

Reply unfit_message(mail::MessageFault fault) {
  using enum mail::MessageFault;
  switch (fault) {
    case bare_cr:
    case bare_lf:
    case nul:
      return message_line_ends();
    case too_large:
      return message_too_large();
    case line_too_long:
      return {554, {5, 6, 0}, "A line of the message is too long"};
    case header_too_large:
      return {554, {5, 6, 0}, "The header of the message is too large"};
    case too_many_fields:
      return {554, {5, 6, 0}, "The message has too many header fields"};
    case too_many_hops:
      return {554, {5, 4, 6}, "The message has been through too many servers: a mail loop"};
  }
  bug("a message fault has a reply");
}

std::optional<Reply> help_about(std::string_view topic) {
  for (const auto& [command, usage] : topics) {
    if (ascii::same_word(topic, command)) return Reply{214, {2, 0, 0}, ReplyText{usage}};
  }
  return std::nullopt;
}

}  // namespace posthorn::smtp::replies
