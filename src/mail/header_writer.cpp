#include "mail/header_writer.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"
#include "base/utf8.hpp"
#include "mail/header_lexer.hpp"
#include "mail/unicode.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

namespace posthorn::mail {
namespace {

constexpr std::size_t line_octets = 78;          // RFC 5322 §2.1.1
constexpr std::size_t encoded_line_octets = 76;  // RFC 2047 §2
constexpr std::size_t encoded_word_octets = 75;  // RFC 2047 §2
constexpr std::string_view replacement = "\uFFFD";
constexpr std::string_view word_start = "=?utf-8?";
constexpr std::size_t word_frame = word_start.size() + 4;  // "Q?" and "?="

/// One line of valid UTF-8: blanks for control characters, U+FFFD for what is not UTF-8, no blanks at either end.
std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto point = utf8::first_of(text);
    const auto octets = point ? point->octets : 1;
    const auto piece = point ? text.substr(0, octets) : replacement;
    out += has_control_character(piece) ? " " : piece;
    text.remove_prefix(octets);
  }
  return std::string(ascii::trim(out));
}

/// RFC 2047 §5 rule 3: what may stand as it is in an encoded word anywhere, a blank being "_".
std::string q_encoded(std::string_view octets) {
  static constexpr std::string_view safe_marks = "!*+-/";
  std::string out;
  for (const char c : octets) {
    if (c == ' ') {
      out += '_';
    } else if (ascii::is_letter_or_digit(c) || safe_marks.contains(c)) {
      out += c;
    } else {
      out += fmt::format("={:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// RFC 2047 §4: Q where most of the text stays readable, B elsewhere.
bool is_mostly_escaped(std::string_view text) {
  const auto escapes = (q_encoded(text).size() - text.size()) / 2;
  return escapes * 5 > text.size() * 3;
}

/// The longest prefix of whole code points whose encoded word fits into `room`; at least one code point.
std::string_view fitting_prefix(std::string_view text, std::size_t room, bool base64_form) {
  std::size_t octets = 0;
  std::size_t q_size = 0;
  while (octets < text.size()) {
    const auto point = text.substr(octets, utf8::first_of(text.substr(octets))->octets);
    q_size += q_encoded(point).size();
    const auto size = base64_form ? (octets + point.size() + 2) / 3 * 4 : q_size;
    if (octets > 0 && word_frame + size > room) break;
    octets += point.size();
  }
  return text.substr(0, octets);
}

/// RFC 2047 §2: the text as encoded words, with folds between them; the first starts at `column`.
std::string encoded_words(std::string_view text, std::size_t column) {
  const bool base64_form = is_mostly_escaped(text);
  std::string out;
  while (!text.empty()) {
    const auto room = std::min(encoded_word_octets, encoded_line_octets - std::min(column, encoded_line_octets));
    const auto piece = fitting_prefix(text, room, base64_form);
    if (!out.empty()) out += "\r\n ";
    out += word_start;
    out += base64_form ? "B?" + base64::encode(piece) : "Q?" + q_encoded(piece);
    out += "?=";
    text.remove_prefix(piece.size());
    column = 1;
  }
  return out;
}

/// Puts pieces with one blank or fold before each behind what stands in `line`.
void append_folded(std::string& out, const std::vector<std::string>& pieces) {
  auto column = out.size();
  for (const auto& piece : pieces) {
    const auto first_line = std::min(piece.find("\r\n"), piece.size());
    const bool fits = column + 1 + first_line <= line_octets;
    out += fits ? " " : "\r\n ";
    const auto last_fold = piece.rfind("\r\n");
    column = last_fold == std::string::npos ? (fits ? column : 0) + 1 + piece.size() : piece.size() - last_fold - 2;
    out += piece;
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    // Blanks beyond the first belong to the word after them, so that none is lost.
    const auto blank = text.find(' ', std::min(text.find_first_not_of(' '), text.size()));
    words.emplace_back(text.substr(0, blank));
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  return words;
}

/// Whether the text has to be encoded to be carried as it is meant.
bool must_encode(std::string_view text) {
  const auto words = words_of(text);
  const bool has_long_word = std::ranges::any_of(words, [](const auto& word) { return word.size() >= line_octets; });
  return !utf8::is_ascii(text) || text.contains("=?") || has_long_word;
}

/// RFC 5322 §3.2.5: phrase.
std::string phrase(std::string_view text, std::size_t column) {
  if (must_encode(text)) return encoded_words(text, column);
  const bool plain = std::ranges::all_of(text, [](char c) { return is_atext(c) || c == ' '; });
  if (plain && !text.contains("  ")) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

}  // namespace

std::string unstructured_field(std::string_view name, std::string_view text) {
  const auto line = one_line(text);
  std::string field = fmt::format("{}:", name);
  if (must_encode(line)) {
    field += ' ' + encoded_words(line, field.size() + 1);
  } else {
    append_folded(field, words_of(line));
  }
  return field += "\r\n";
}

std::string plain_field(std::string_view name, std::string_view text) {
  std::string field = fmt::format("{}:", name);
  append_folded(field, words_of(one_line(text)));
  return field += "\r\n";
}

std::string mailbox_list_field(std::string_view name, std::span<const NamedAddress> mailboxes) {
  ensure(!mailboxes.empty(), "a list of mailboxes has one at least");
  std::string field = fmt::format("{}:", name);
  std::vector<std::string> pieces;
  for (const auto& [display_name, address] : mailboxes) {
    if (!pieces.empty()) pieces.back() += ',';
    const auto shown = one_line(display_name);
    const auto column = pieces.empty() ? field.size() + 1 : 1;
    if (!shown.empty()) pieces.push_back(phrase(shown, column));
    pieces.push_back(shown.empty() ? address.to_string() : fmt::format("<{}>", address.to_string()));
  }
  append_folded(field, pieces);
  return field += "\r\n";
}

}  // namespace posthorn::mail
