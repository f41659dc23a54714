// A dialogue file as steps (README.md). Reading one throws std::runtime_error with file and line.
#pragma once

#include "smtp/reply.hpp"
#include "smtp/server_settings.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace posthorn::testing {

struct DialogStart {
  bool tls = false;
  std::optional<smtp::Reply> refusal;
};
struct DialogSend {
  std::string bytes;
};
/// Lines that the server must have said since the last step of this kind.
struct DialogExpect {
  std::vector<std::string> patterns;
  bool closed = false;
};
struct DialogAnswer {
  std::string kind;
  std::string words;
};
struct DialogEvent {
  std::string name;
};

struct DialogStep {
  std::size_t line = 0;  ///< in the file
  std::variant<DialogStart, DialogSend, DialogExpect, DialogAnswer, DialogEvent> what;
};

struct DialogMessage {
  std::string sender;
  std::vector<std::string> recipients;
  std::optional<std::string> text;
};

struct Dialog {
  smtp::ServerSettings settings;
  std::vector<DialogStep> steps;
  std::vector<DialogMessage> stored;
  std::size_t sent_octets = 0;  ///< by the client, in all
};

[[nodiscard]] Dialog read_dialog(const std::filesystem::path& file);

/// The first word; the text is left with what follows it.
[[nodiscard]] std::string next_word(std::string_view& text);
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);
/// "on" or "off"; others throw.
[[nodiscard]] bool on_or_off(std::string_view value);
/// `\r \n \t \0 \\`, `\xHH`, `\*600{words}`
[[nodiscard]] std::string unescape(std::string_view text);

/// "550 5.7.1 words"
[[nodiscard]] smtp::Reply read_reply(std::string_view text);

/// Whether the text is the pattern, in which "*" stands for anything.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

}  // namespace posthorn::testing
