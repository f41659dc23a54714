#include "cli/queued_message.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"

#include <simdjson.h>

#include <algorithm>
#include <deque>
#include <string>

namespace posthorn::cli {

namespace dom = simdjson::dom;

class QueuedMessageReader::State {
 public:
  [[nodiscard]] const QueuedMessage* read(std::string_view text) {
    dom::object object;
    if (!text.starts_with('{') || parser_.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS)
      return nullptr;
    cleaned_.clear();
    read_message(object);
    return &message_;
  }

 private:
  using Found = simdjson::simdjson_result<dom::element>;

  void read_message(const dom::object& object) {
    message_.id = text(object["id"]);
    message_.arrived = text(object["arrived"]);
    message_.size = number(object["size"]);
    message_.sender = text(object["sender"]);
    if (message_.sender.empty()) message_.sender = "<>";
    message_.recipients.clear();
    dom::array recipients;
    if (object["recipients"].get(recipients) != simdjson::SUCCESS) return;
    for (const auto element : recipients) {
      dom::object recipient;
      if (element.get(recipient) == simdjson::SUCCESS) message_.recipients.push_back(read_recipient(recipient));
    }
  }

  [[nodiscard]] QueuedMessage::Recipient read_recipient(const dom::object& object) {
    return {.address = text(object["address"]),
            .status = text(object["status"]),
            .attempts = number(object["attempts"]),
            .next_attempt = text(object["next_attempt"]),
            .last_reply = text(object["last_reply"]),
            .host = text(object["host"]),
            .destination = text(object["destination"])};
  }

  [[nodiscard]] std::string_view text(const Found& found) {
    std::string_view raw;
    if (found.get(raw) != simdjson::SUCCESS) return {};
    const bool is_fit = raw.size() <= LogText::usual_limit && std::ranges::all_of(raw, ascii::is_printable);
    return is_fit ? raw : cleaned_.emplace_back(LogText(raw).text());
  }

  [[nodiscard]] static std::uint64_t number(const Found& found) {
    std::uint64_t value = 0;
    return found.get(value) == simdjson::SUCCESS ? value : 0;
  }

  dom::parser parser_;
  QueuedMessage message_;
  std::deque<std::string> cleaned_;  ///< what the texts are that were not fit for a screen as they came
};

QueuedMessageReader::QueuedMessageReader() : state_(std::make_unique<State>()) {}
QueuedMessageReader::~QueuedMessageReader() = default;

const QueuedMessage* QueuedMessageReader::read(std::string_view text) { return state_->read(text); }

}  // namespace posthorn::cli
