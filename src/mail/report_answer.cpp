#include "mail/report_answer.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <string_view>

namespace posthorn::mail {
namespace {

/// A reply's lines put together, with a blank for each line end.
std::string in_one_line(std::string_view reply) {
  std::string line;
  for (const char c : reply) {
    const bool ends_line = c == '\r' || c == '\n';
    if (!ends_line) line += c;
    if (ends_line && !line.empty() && line.back() != ' ') line += ' ';
  }
  return line;
}

/// RFC 5321 §4.2: three digits, and then a blank, a hyphen or nothing.
bool begins_with_code(std::string_view words) {
  constexpr std::size_t digits = 3;
  return words.size() >= digits && std::ranges::all_of(words.substr(0, digits), ascii::is_digit) &&
         (words.size() == digits || words[digits] == ' ' || words[digits] == '-');
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

ReportAnswer answer_of(const ReportedRecipient& recipient) {
  ReportAnswer answer{.host = recipient.remote_host, .words = in_one_line(recipient.reply)};
  if (answer.host.starts_with('/')) {
    replace_all(answer.words, answer.host + ": ", "");
    replace_all(answer.words, answer.host, "its socket");
    answer.is_local = true;
    answer.host.clear();
  }
  answer.is_reply = begins_with_code(answer.words);
  return answer;
}

}  // namespace posthorn::mail
