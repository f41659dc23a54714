#include "mail/report_text.hpp"

#include "base/clean_text.hpp"
#include "mail/date.hpp"
#include "mail/report_answer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace posthorn::mail {
namespace {

constexpr std::size_t reply_octets = 600;
constexpr std::size_t line_octets = 76;

std::string_view introduction(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed:
      return "Your message could not be delivered to:";
    case DeliveryAction::delayed:
      return "Your message has not been delivered yet, but is still being tried, to:";
    case DeliveryAction::delivered:
      return "Your message was delivered to:";
    case DeliveryAction::relayed:
      return "Your message was handed to a server that sends no reports of its own, for:";
    case DeliveryAction::expanded:
      return "Your message was handed on to the addresses that stand behind:";
  }
  return {};
}

std::string_view advice(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed:
      return "It will not be tried again. If the address is right, show this report to whoever looks after it.";
    case DeliveryAction::delayed:
      return "There is nothing you need to do. Do not send it again.";
    case DeliveryAction::delivered:
    case DeliveryAction::relayed:
    case DeliveryAction::expanded:
      return {};
  }
  return {};
}

/// Indented lines of at most 76 octets, where the words allow it.
std::string lines(std::string_view indent, std::string_view text) {
  std::string out(indent);
  auto column = indent.size();
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const bool is_first = column == indent.size();
    if (!is_first && column + 1 + word.size() > line_octets) {
      out += "\r\n";
      out += indent;
      column = indent.size();
    } else if (!is_first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out += "\r\n";
}

/// Only a reply is an answer: what else is told are our own words about the connection.
std::string who_said(const ReportAnswer& answer) {
  const auto host = answer.is_local ? std::string("the mail program on this machine") : answer.host;
  if (host.empty()) return answer.is_reply ? "The answer was:" : "The trouble was:";
  return answer.is_reply ? fmt::format("{} answered:", host) : fmt::format("Trouble with {}:", host);
}

std::string described(const ReportedRecipient& recipient, std::chrono::minutes zone) {
  auto text = lines("  ", recipient.recipient.to_unicode());
  const auto add = [&](std::string_view what) {
    text += lines("    ", ReplyText(what, ReplyText::Charset::utf8, reply_octets).text());
  };
  if (!recipient.reason.empty()) add(recipient.reason);
  if (const auto answer = answer_of(recipient); !answer.words.empty()) {
    add(who_said(answer));
    add(answer.words);
  }
  if (recipient.will_retry_until) {
    add(fmt::format("It will be tried until {}.", to_date_time(*recipient.will_retry_until, zone)));
  }
  return text;
}

/// The recipients that share an action; nothing if there are none.
std::string section(const DeliveryReport& report, DeliveryAction action, std::size_t& room) {
  std::string text;
  std::size_t left_out = 0;
  for (const auto& recipient : report.recipients) {
    if (recipient.action != action) continue;
    if (room == 0) {
      ++left_out;
      continue;
    }
    --room;
    text += described(recipient, report.zone);
  }
  if (left_out > 0) text += lines("  ", fmt::format("and {} more", left_out));
  if (text.empty()) return text;
  const auto words = advice(action);
  return fmt::format("{}\r\n\r\n{}\r\n{}", introduction(action), text, words.empty() ? "" : lines("", words) + "\r\n");
}

}  // namespace

DeliveryAction gravest_action(const DeliveryReport& report) {
  return std::ranges::min(report.recipients, {}, &ReportedRecipient::action).action;
}

std::string_view report_subject(DeliveryAction action) {
  switch (action) {
    case DeliveryAction::failed:
      return "Your message could not be delivered";
    case DeliveryAction::delayed:
      return "Your message is delayed";
    case DeliveryAction::delivered:
      return "Your message was delivered";
    case DeliveryAction::relayed:
      return "Your message was passed on";
    case DeliveryAction::expanded:
      return "Your message was passed on";
  }
  return {};
}

std::string report_text(const DeliveryReport& report, const ReportSettings& settings,
                        std::string_view why_header_only) {
  using enum DeliveryAction;
  auto text = fmt::format("This is a report from the mail server at {}.\r\n\r\n", report.reporting_host);
  auto room = settings.described_recipients;
  for (const auto action : std::array{failed, delayed, delivered, relayed, expanded}) {
    text += section(report, action, room);
  }
  text += lines("", fmt::format("The message was accepted on {} and has the number {} here.",
                                to_date_time(report.arrival, report.zone), report.message_id.to_string()));
  if (why_header_only.empty()) return text;
  return text += lines("", fmt::format("Only its header is returned: {}.", why_header_only));
}

}  // namespace posthorn::mail
