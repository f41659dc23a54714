// QueuedMessage: what the control interface tells of one message, as far as people are shown it in a line or two. Read
// straight from the text, without a tree in between: a list has a million of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::cli {

/// All texts are fit for a screen (base/clean_text); those that the server did not tell are empty, numbers 0.
struct QueuedMessage {
  struct Recipient {
    std::string address;
    std::string status;
    std::uint64_t attempts = 0;
    std::string next_attempt;
    std::string last_reply;
    std::string host;
    std::string destination;
  };

  std::string id;
  std::string arrived;
  std::uint64_t size = 0;  ///< octets
  std::string sender;      ///< "<>" for reports
  std::vector<Recipient> recipients;

  /// From the JSON object of a message, without space before it; what else it holds is passed over. None from other text.
  [[nodiscard]] static std::optional<QueuedMessage> read(std::string_view text);
};

}  // namespace posthorn::cli
