#include "cli/queue_table.hpp"

#include "base/clean_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>

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

/// A list of a million is put together from pieces: formatting takes longer than all else that is done to a message.
void put(std::string& out, std::initializer_list<std::string_view> pieces) {
  for (const auto piece : pieces) out += piece;
}

void put_right(std::string& out, std::uint64_t number, std::size_t width) {
  const fmt::format_int digits(number);
  out.append(width - std::min(width, digits.size()), ' ');
  out.append(digits.data(), digits.size());
}

void put_recipient(std::string& out, const QueuedMessage::Recipient& recipient, const Console& console) {
  put(out, {"    ", console.painted(paint_of(recipient.status), recipient.status), " ", recipient.address});
  if (recipient.attempts > 0)
    put(out, {", ", fmt::format_int(recipient.attempts).str(), recipient.attempts == 1 ? " attempt" : " attempts"});
  if (!recipient.next_attempt.empty()) put(out, {", next ", recipient.next_attempt});
  out += '\n';
  if (recipient.last_reply.empty()) return;
  std::string said;
  put(said, {recipient.host, recipient.host.empty() ? "" : ": ", recipient.last_reply});
  put(out, {"        ", console.painted(Paint::faint, said), "\n"});
}

void put_head(std::string& out, const QueuedMessage& message, const Console& console) {
  put(out, {console.painted(Paint::heading, message.id), "  ", message.arrived, "  "});
  put_right(out, message.size, 9);
  put(out, {"  ", message.sender, "\n"});
  for (const auto& recipient : message.recipients) put_recipient(out, recipient, console);
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
std::string reason_of(const json& message, std::string_view address) {
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
      break;
    }
    take_line(line_);
    line_.clear();
    octets.remove_prefix(end + 1);
  }
  console_.print("{}", shown_);
  shown_.clear();
}

void QueueTable::take_line(std::string_view line) {
  if (line.ends_with(',')) line.remove_suffix(1);
  const auto* message = reader_.read(line);
  if (message == nullptr) return;
  ++messages_;
  recipients_ += message->recipients.size();
  put_head(shown_, *message, console_);
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
  QueuedMessageReader reader;
  const auto* head = reader.read(text);
  if (head == nullptr) return;
  std::string shown;
  put_head(shown, *head, console);
  console.print("{}", shown);
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
  QueuedMessageReader reader;
  const auto* head = reader.read(text);
  if (head == nullptr) return;
  console.print("{} from {}, arrived {}, {} octets\n", head->id, head->sender, head->arrived, head->size);
  const auto message = json::parse(text, nullptr, false);
  for (const auto& recipient : head->recipients) {
    std::string shown;
    put_recipient(shown, recipient, console);
    console.print("{}", shown);
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
