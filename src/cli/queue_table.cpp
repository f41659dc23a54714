#include "cli/queue_table.hpp"

#include "base/clean_text.hpp"
#include "cli/queued_message.hpp"

#include <nlohmann/json.hpp>

namespace posthorn::cli {
namespace {

using nlohmann::json;

constexpr std::size_t longest_line = 8U << 20;  // a message with thousands of recipients

/// A text of the answer, fit for a screen; empty where there is none.
std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return LogText(found->get_ref<const std::string&>()).text();
}

const json& array_of(const json& object, const char* key) {
  static const json none = json::array();
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : none;
}

Paint paint_of(std::string_view status) {
  if (status == "delivered") return Paint::good;
  if (status == "bounced") return Paint::bad;
  return status == "held" ? Paint::warning : Paint::heading;
}

void print_recipient(const QueuedMessage::Recipient& recipient, Console& console) {
  std::string rest;
  if (recipient.attempts > 0)
    rest += fmt::format(", {} attempt{}", recipient.attempts, recipient.attempts == 1 ? "" : "s");
  if (!recipient.next_attempt.empty()) rest += ", next " + recipient.next_attempt;
  console.print("    {} {}{}\n", console.painted(paint_of(recipient.status), recipient.status), recipient.address,
                rest);
  if (!recipient.last_reply.empty()) {
    const auto said = recipient.host.empty() ? recipient.last_reply : recipient.host + ": " + recipient.last_reply;
    console.print("        {}\n", console.painted(Paint::faint, said));
  }
}

void print_head(const QueuedMessage& message, Console& console) {
  console.print("{}  {}  {:>9}  {}\n", console.painted(Paint::heading, message.id), message.arrived, message.size,
                message.sender);
  for (const auto& recipient : message.recipients) print_recipient(recipient, console);
}

void print_event(const json& event, Console& console) {
  std::string rest;
  for (const auto* key : {"recipient", "host", "reply", "rule", "peer", "user"}) {
    const auto text = text_of(event, key);
    if (text.empty()) continue;
    rest += fmt::format("  {}", std::string_view(key) == "rule" ? "(" + text + ")" : text);
  }
  if (const auto next = text_of(event, "next_attempt"); !next.empty()) rest += "  next " + next;
  console.print("  {}  {}{}\n", text_of(event, "time"), console.painted(Paint::heading, text_of(event, "event")), rest);
}

/// The last event about this recipient that tells why.
std::string reason_of(const json& message, const std::string& address) {
  std::string reason;
  for (const auto& event : array_of(message, "history")) {
    if (text_of(event, "recipient") != address) continue;
    const auto rule = text_of(event, "rule");
    if (!rule.empty()) reason = rule;
  }
  return reason;
}

}  // namespace

void QueueTable::take(std::string_view octets) {
  while (!octets.empty()) {
    const auto end = octets.find('\n');
    line_ += octets.substr(0, end);
    if (end == std::string_view::npos) {
      if (line_.size() > longest_line) line_.clear();
      return;
    }
    take_line(line_);
    line_.clear();
    octets.remove_prefix(end + 1);
  }
}

void QueueTable::take_line(std::string_view line) {
  if (line.ends_with(',')) line.remove_suffix(1);
  if (!line.starts_with('{')) return;
  const auto message = QueuedMessage::read(line);
  if (!message) return;
  ++messages_;
  recipients_ += message->recipients.size();
  print_head(*message, console_);
}

void QueueTable::end() {
  if (messages_ == 0) {
    console_.print("nothing waits\n");
    return;
  }
  console_.print("{} message{} for {} recipient{}\n", messages_, messages_ == 1 ? "" : "s", recipients_,
                 recipients_ == 1 ? "" : "s");
}

void print_message(std::string_view text, Console& console) {
  const auto head = QueuedMessage::read(text);
  if (!head) return;
  print_head(*head, console);
  const auto message = json::parse(text, nullptr, false);
  console.print("\n{}\n", console.painted(Paint::heading, "History"));
  for (const auto& event : array_of(message, "history")) print_event(event, console);
  for (const auto& dialogue : array_of(message, "dialogues")) {
    console.print("\n{} {}\n", console.painted(Paint::heading, "Dialogue"), text_of(dialogue, "time"));
    for (const auto& line : array_of(dialogue, "lines")) {
      if (line.is_string()) console.print("  {}\n", LogText(line.get_ref<const std::string&>()).text());
    }
  }
}

void print_fate(std::string_view text, Console& console) {
  const auto head = QueuedMessage::read(text);
  if (!head) return;
  console.print("{} from {}, arrived {}, {} octets\n", head->id, head->sender, head->arrived, head->size);
  const auto message = json::parse(text, nullptr, false);
  for (const auto& recipient : head->recipients) {
    print_recipient(recipient, console);
    if (!recipient.destination.empty()) console.print("        goes to: {}\n", recipient.destination);
    const auto why = reason_of(message, recipient.address);
    if (!why.empty()) console.print("        why then: {}\n", why);
  }
}

void print_explanation(std::string_view text, Console& console) {
  const auto told = json::parse(text, nullptr, false);
  if (!told.is_object()) return;
  console.print("{}: {}\n", console.painted(Paint::heading, text_of(told, "address")), text_of(told, "result"));
  for (const auto& step : array_of(told, "steps")) {
    console.print("  {:<9} {}\n", text_of(step, "step"), text_of(step, "text"));
  }
}

}  // namespace posthorn::cli
