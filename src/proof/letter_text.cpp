#include "proof/letter_text.hpp"

#include <fmt/core.h>

#include <charconv>
#include <iterator>

namespace posthorn::proof {
namespace {

constexpr std::string_view token_field = "X-Sim-Token: ";
constexpr std::string_view bcc_line = "Bcc: <secret@two.example>\r\n";

/// Calls `visit` with each line, without its end; false ends it.
template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!visit(line)) return;
  }
}

std::optional<std::string_view> value_of(std::string_view line, std::string_view field) {
  if (!line.starts_with(field)) return std::nullopt;
  return line.substr(field.size());
}

std::string body_of(const PlannedLetter& letter) {
  std::string body;
  for (std::uint32_t line = 0; body.size() < letter.body_octets; ++line) {
    // Some lines begin with dots, one is a dot alone.
    const auto* dots = line % 5 == 3 ? "." : "";
    if (line % 7 == 5) {
      body += ".\r\n";
    } else {
      fmt::format_to(std::back_inserter(body), "{}line {} of letter {}, as it was written\r\n", dots, line,
                     letter.token);
    }
  }
  return body;
}

std::string flawed_line(Flaw flaw) {
  switch (flaw) {
    case Flaw::bare_line_feed:
      return "this line has no carriage\nreturn\r\n";
    case Flaw::smuggled_end:
      return fmt::format(
          "\r\n\n.\r\nMAIL FROM:<a@{0}>\r\nRCPT TO:<{1}>\r\nDATA\r\nX-Sim-Token: 0\r\n\r\nsmuggled\r\n\n.\n",
          home_domain, smuggled_recipient());
    case Flaw::none:
    case Flaw::too_many_hops:
    case Flaw::too_large:
    case Flaw::wrong_order:
    case Flaw::without_login:
    case Flaw::wrong_password:
    case Flaw::foreign_sender:
    case Flaw::foreign_author:
      return {};
  }
  return {};
}

/// Whether a line of a head may have been added by the server: a trace field, or the continuation of one.
bool may_be_added(std::string_view line, const PlannedLetter& letter) {
  for (const auto* name : {"Received:", "Return-Path:", "Delivered-To:"}) {
    if (line.starts_with(name)) return true;
  }
  const bool is_missing = letter.door == Door::submission && !letter.is_dated;
  if (is_missing && (line.starts_with("Date:") || line.starts_with("Message-ID:"))) return true;
  return line.starts_with('\t') || line.starts_with(' ');
}

}  // namespace

std::string smuggled_recipient() { return fmt::format("alice+smuggled@{}", our_domain); }

std::string text_of(const PlannedLetter& letter, const Plan& plan) {
  auto author = letter.sender.empty() ? "nobody@invalid" : letter.sender;
  if (letter.flaw == Flaw::foreign_author) author = fmt::format("{}@{}", letter.other_user, our_domain);
  auto text =
      fmt::format("{}{}\r\nFrom: <{}>\r\nSubject: letter {}\r\n", token_field, letter.token, author, letter.token);
  if (letter.has_bcc) text += bcc_line;
  if (letter.door == Door::submission && letter.is_dated) {
    text += fmt::format("Date: Mon, 21 Sep 2026 12:00:00 +0000\r\nMessage-ID: <{}@client.example>\r\n", letter.token);
  }
  const auto hops = letter.flaw == Flaw::too_many_hops ? plan.received_fields + 1 : letter.token % 3;
  for (std::uint32_t hop = 0; hop < hops; ++hop) {
    text +=
        fmt::format("Received: from hop{}.example by hop{}.example; Mon, 21 Sep 2026 12:00:00 +0000\r\n", hop, hop + 1);
  }
  text += "\r\n";
  text += body_of(letter);
  text += flawed_line(letter.flaw);
  return text;
}

std::string expected_text_of(const PlannedLetter& letter, std::string text) {
  if (letter.door == Door::submission && letter.has_bcc) text.erase(text.find(bcc_line), bcc_line.size());
  return text;
}

ArrivedText read_text(std::string_view text) {
  ArrivedText found;
  bool in_head = true;
  std::string recipient;
  each_line(text, [&](std::string_view line) {
    in_head = in_head && !line.empty();
    if (in_head && line.starts_with("Content-Type: multipart/report")) found.is_report = true;
    if (!in_head && !found.is_report) return false;
    if (const auto id = value_of(line, "Message-ID: "); id && in_head) found.report_id = *id;
    if (const auto path = value_of(line, "Return-Path: <"); path && in_head)
      found.envelope_from = path->substr(0, path->find('>'));
    if (const auto to = value_of(line, "Delivered-To: "); to && in_head) found.delivered_to = *to;
    if (const auto token = value_of(line, token_field); token && found.token == 0) {
      std::from_chars(token->data(), token->data() + token->size(), found.token);
    }
    if (const auto who = value_of(line, "Final-Recipient: rfc822; ")) recipient = *who;
    if (const auto action = value_of(line, "Action: ")) found.fates.push_back({recipient, std::string(*action)});
    return true;
  });
  return found;
}

std::optional<std::string> alteration(std::string_view arrived, const PlannedLetter& letter, std::string_view original,
                                      Arrived where) {
  std::string expected;
  if (where == Arrived::in_mailbox) {
    each_line(original, [&](std::string_view line) {
      (expected += line) += '\n';
      return true;
    });
    original = expected;
  }
  if (!arrived.ends_with(original)) return "its text is not the one that was sent";
  arrived.remove_suffix(original.size());
  std::optional<std::string> wrong;
  each_line(arrived, [&](std::string_view line) {
    if (!may_be_added(line, letter)) wrong = fmt::format("a line was added that is no trace: {}", line);
    return !wrong;
  });
  return wrong;
}

}  // namespace posthorn::proof
