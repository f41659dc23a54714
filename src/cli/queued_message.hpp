// QueuedMessage: what the control interface tells of one message, as far as people are shown it in a line or two. A list has
// a million of them: they are read one after the other into the same memory, and a text is copied only to clean it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace posthorn::cli {

/// All texts are fit for a screen (base/clean_text); those that the server did not tell are empty, numbers 0.
struct QueuedMessage {
  struct Recipient {
    std::string_view address;
    std::string_view status;
    std::uint64_t attempts = 0;
    std::string_view next_attempt;
    std::string_view last_reply;
    std::string_view host;
    std::string_view destination;
  };

  std::string_view id;
  std::string_view arrived;
  std::uint64_t size = 0;   ///< octets
  std::string_view sender;  ///< "<>" for reports
  std::vector<Recipient> recipients;
};

class QueuedMessageReader {
 public:
  QueuedMessageReader();
  QueuedMessageReader(const QueuedMessageReader&) = delete;
  QueuedMessageReader& operator=(const QueuedMessageReader&) = delete;
  ~QueuedMessageReader();

  /// From the JSON object of a message, without space before it; what else it holds is passed over. None from other text.
  /// Message and texts stay until the next call.
  [[nodiscard]] const QueuedMessage* read(std::string_view text);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace posthorn::cli
