#include "cli/queued_message.hpp"

#include "base/clean_text.hpp"

#include <nlohmann/json.hpp>

namespace posthorn::cli {
namespace {

using nlohmann::json;

/// Takes nlohmann-json's events of one object and keeps the values that have a place in a message.
class MessageEvents {
 public:
  explicit MessageEvents(QueuedMessage& message) : message_(message) {}

  bool start_object(std::size_t /*count*/) {
    ++depth_;
    if (depth_ == recipient_depth && in_recipients_) message_.recipients.emplace_back();
    return take_nothing();
  }
  bool end_object() {
    --depth_;
    return take_nothing();
  }
  bool start_array(std::size_t /*count*/) {
    ++depth_;
    return take_nothing();
  }
  bool end_array() { return end_object(); }

  bool key(const std::string& name) {
    take_nothing();
    if (depth_ == message_depth) {
      in_recipients_ = name == "recipients";
      if (name == "size") number_ = &message_.size;
      if (!in_recipients_) text_ = text_named(name);
    } else if (depth_ == recipient_depth && in_recipients_) {
      auto& recipient = message_.recipients.back();
      if (name == "attempts") number_ = &recipient.attempts;
      text_ = text_named(name, recipient);
    }
    return true;
  }
  bool string(const std::string& value) {
    if (text_ != nullptr) *text_ = LogText(value).text();
    return take_nothing();
  }
  bool number_unsigned(std::uint64_t value) {
    if (number_ != nullptr) *number_ = value;
    return take_nothing();
  }
  bool number_integer(std::int64_t /*value*/) { return take_nothing(); }
  bool number_float(double /*value*/, const std::string& /*text*/) { return take_nothing(); }
  bool boolean(bool /*value*/) { return take_nothing(); }
  bool null() { return take_nothing(); }
  bool binary(const json::binary_t& /*value*/) { return take_nothing(); }
  static bool parse_error(std::size_t /*at*/, const std::string& /*token*/, const json::exception& /*error*/) {
    return false;
  }

 private:
  static constexpr int message_depth = 1;
  static constexpr int recipient_depth = 3;  // in the array of recipients

  bool take_nothing() {
    text_ = nullptr;
    number_ = nullptr;
    return true;
  }
  [[nodiscard]] std::string* text_named(std::string_view name) {
    if (name == "id") return &message_.id;
    if (name == "arrived") return &message_.arrived;
    return name == "sender" ? &message_.sender : nullptr;
  }
  [[nodiscard]] static std::string* text_named(std::string_view name, QueuedMessage::Recipient& recipient) {
    if (name == "address") return &recipient.address;
    if (name == "status") return &recipient.status;
    if (name == "next_attempt") return &recipient.next_attempt;
    if (name == "last_reply") return &recipient.last_reply;
    if (name == "host") return &recipient.host;
    return name == "destination" ? &recipient.destination : nullptr;
  }

  QueuedMessage& message_;
  int depth_ = 0;
  bool in_recipients_ = false;
  std::string* text_ = nullptr;      ///< where the next value goes when it is a text
  std::uint64_t* number_ = nullptr;  ///< and when it is a number
};

}  // namespace

std::optional<QueuedMessage> QueuedMessage::read(std::string_view text) {
  QueuedMessage message;
  MessageEvents events(message);
  if (!text.starts_with('{') || !json::sax_parse(text, &events)) return std::nullopt;
  if (message.sender.empty()) message.sender = "<>";
  return message;
}

}  // namespace posthorn::cli
