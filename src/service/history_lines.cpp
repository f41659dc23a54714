#include "service/history_lines.hpp"

#include "service/json_text.hpp"
#include "service/queue_view.hpp"

#include <algorithm>
#include <vector>

namespace posthorn::service {
namespace {

using Status = store::RecipientStatus;

constexpr std::size_t dialogues_shown = 10;

void put_words(JsonObject& object, const store::RecipientState& state) {
  if (!state.status_code.empty()) object.text("status", state.status_code);
  if (!state.reply.empty()) object.text("reply", state.reply);
  if (!state.remote_host.empty()) object.text("host", state.remote_host);
  object.number("attempts", state.attempts);
  if (state.status == Status::queued) object.time("next_attempt", state.next_attempt);
}

/// The last so many octets, from the start of a line on.
std::string_view last_lines(std::string_view dialogue, std::size_t most) {
  if (dialogue.size() <= most) return dialogue;
  dialogue.remove_prefix(dialogue.size() - most);
  const auto end = dialogue.find('\n');
  return end == std::string_view::npos ? dialogue : dialogue.substr(end + 1);
}

void put_lines(std::string& out, std::string_view text) {
  out += '[';
  bool is_first = true;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (!is_first) out += ',';
    is_first = false;
    put_json(out, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += ']';
}

/// What a line says, if it is of this kind and whole.
std::string_view of_kind(std::string_view line, char kind) {
  const bool is_it = line.size() > 3 && line[0] == kind && line[1] == ' ' && line[2] == '{' && line.back() == '}';
  return is_it ? line.substr(2) : std::string_view{};
}

std::vector<std::string_view> all_of_kind(std::span<const std::string> lines, char kind) {
  std::vector<std::string_view> found;
  for (const auto& line : lines) {
    const auto json = of_kind(line, kind);
    if (!json.empty()) found.push_back(json);
  }
  return found;
}

void put_array(std::string& out, std::string_view key, std::span<const std::string_view> values) {
  out += ",\"";
  out += key;
  out += "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += values[i];
  }
  out += ']';
}

/// The first event, which the message itself tells.
std::string accepted_event(const store::StoredMessage& message) {
  std::string out;
  JsonObject object(out);
  object.time("time", message.arrival).text("event", "accepted");
  if (!message.origin.peer.empty()) object.text("peer", message.origin.peer);
  if (!message.origin.user.empty()) object.text("user", message.origin.user);
  if (!message.origin.session.empty()) object.text("session", message.origin.session);
  object.end();
  return out;
}

}  // namespace

std::string event_line(const HistoryEvent& event) {
  std::string out = "E ";
  JsonObject object(out);
  object.time("time", event.time).text("event", event.what);
  if (!event.recipient.empty()) object.text("recipient", event.recipient);
  if (event.state != nullptr) put_words(object, *event.state);
  if (!event.rule.empty()) object.text("rule", event.rule);
  object.end();
  return out;
}

std::string dialogue_line(WallTime time, std::string_view dialogue, std::size_t most) {
  std::string out = "D ";
  JsonObject object(out);
  object.time("time", time);
  object.open("lines");
  put_lines(out, last_lines(dialogue, most));
  object.end();
  return out;
}

std::string summary_line(const store::StoredMessage& message, const Routes& routes) {
  std::string out = "M ";
  put_message(out, message, routes);
  out += ",\"accepted\":";
  out += accepted_event(message);
  out += '}';
  return out;
}

std::optional<std::string> shown_message(const store::StoredMessage* message, std::span<const std::string> lines,
                                         const Routes& routes) {
  auto events = all_of_kind(lines, 'E');
  auto dialogues = all_of_kind(lines, 'D');
  const auto summaries = all_of_kind(lines, 'M');
  if (dialogues.size() > dialogues_shown) dialogues.erase(dialogues.begin(), dialogues.end() - dialogues_shown);
  std::string out;
  std::string first;
  if (message != nullptr) {
    put_message(out, *message, routes);
    first = accepted_event(*message);
  } else if (!summaries.empty()) {
    const auto whole = summaries.back();
    const auto at = whole.rfind(",\"accepted\":");
    out = whole.substr(0, std::min(at, whole.size() - 1));
    if (at != std::string_view::npos) first = whole.substr(at + 12, whole.size() - at - 13);
  } else {
    return std::nullopt;
  }
  if (!first.empty()) events.insert(events.begin(), first);
  put_array(out, "history", events);
  put_array(out, "dialogues", dialogues);
  out += '}';
  return out;
}

}  // namespace posthorn::service
