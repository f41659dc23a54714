// JSON as we write it: objects built into a string, for output that must be fast and streams. Texts are made valid UTF-8
// and free of control characters on the way (base/clean_text). What is read comes by nlohmann-json, not from here.
#pragma once

#include "base/message_id.hpp"
#include "base/time.hpp"

#include <concepts>
#include <string>
#include <string_view>

namespace posthorn::service {

/// `text` as a JSON string, with its quotes.
void put_json(std::string& out, std::string_view text);

/// An object that is being written to the end of `out`: open when made, closed by end().
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }

  JsonObject& text(std::string_view key, std::string_view value);
  /// A text, or null when it is empty.
  JsonObject& text_or_null(std::string_view key, std::string_view value);
  JsonObject& time(std::string_view key, WallTime value);
  JsonObject& null(std::string_view key) { return raw(key, "null"); }
  JsonObject& flag(std::string_view key, bool claim) { return raw(key, claim ? "true" : "false"); }
  template <std::integral Number>
  JsonObject& number(std::string_view key, Number value) {
    return raw(key, std::to_string(value));
  }
  /// JSON that is written already.
  JsonObject& raw(std::string_view key, std::string_view json);
  /// The value is what the caller appends to the string next.
  void open(std::string_view key);
  void end() { out_ += '}'; }

 private:
  std::string& out_;
  bool is_first_ = true;
};

}  // namespace posthorn::service
