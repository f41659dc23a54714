#include "dialogs/dialog.hpp"

#include "base/ascii.hpp"
#include "mail/address.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>

namespace posthorn::testing {
namespace {

using smtp::ServerSettings;

template <class Number>
void set_number(Number& number, std::string_view value) {
  const auto read = ascii::to_number(value);
  if (!read) throw std::runtime_error("say a number");
  number = static_cast<Number>(*read);
}

void set_mechanisms(ServerSettings& settings, std::string_view value) {
  for (auto name : words_of(value)) {
    const bool in_the_clear = name.ends_with('*');
    if (in_the_clear) name.pop_back();
    settings.auth_mechanisms.push_back(
        {.name = name, .needs_encryption = !in_the_clear, .needs_channel_binding = name.ends_with("-PLUS")});
  }
}

void set_verify(ServerSettings& settings, std::string_view value) {
  static const std::map<std::string_view, smtp::VerifyPolicy> policies{
      {"noncommittal", smtp::VerifyPolicy::noncommittal},
      {"ask", smtp::VerifyPolicy::ask},
      {"off", smtp::VerifyPolicy::off}};
  settings.verify = policies.at(value);
}

using Setter = std::function<void(ServerSettings&, std::string_view)>;

Setter boolean(bool ServerSettings::* member) {
  return [member](ServerSettings& settings, std::string_view value) { settings.*member = on_or_off(value); };
}

template <class Number>
Setter number(Number ServerSettings::* member) {
  return [member](ServerSettings& settings, std::string_view value) { set_number(settings.*member, value); };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all{
      {"hostname", [](ServerSettings& settings, std::string_view value) { settings.hostname = value; }},
      {"postmaster", [](ServerSettings& settings,
                        std::string_view value) { settings.postmaster = mail::Address::parse(value).value(); }},
      {"auth", set_mechanisms},
      {"verify", set_verify},
      {"pipelining", boolean(&ServerSettings::pipelining)},
      {"eight_bit_mime", boolean(&ServerSettings::eight_bit_mime)},
      {"smtputf8", boolean(&ServerSettings::smtputf8)},
      {"chunking", boolean(&ServerSettings::chunking)},
      {"xclient", boolean(&ServerSettings::xclient)},
      {"binary_mime", boolean(&ServerSettings::binary_mime)},
      {"dsn", boolean(&ServerSettings::dsn)},
      {"starttls", boolean(&ServerSettings::starttls)},
      {"require_tls", boolean(&ServerSettings::require_tls)},
      {"require_authentication", boolean(&ServerSettings::require_authentication)},
      {"message_octets", number(&ServerSettings::message_octets)},
      {"least_discard_octets", number(&ServerSettings::least_discard_octets)},
      {"recipients", number(&ServerSettings::recipients)},
      {"recipient_overshoot", number(&ServerSettings::recipient_overshoot)},
      {"transactions", number(&ServerSettings::transactions)},
      {"errors", number(&ServerSettings::errors)},
      {"junk_commands", number(&ServerSettings::junk_commands)},
      {"authentication_failures", number(&ServerSettings::authentication_failures)},
      {"discard_line_octets", number(&ServerSettings::discard_line_octets)},
  };
  return all;
}

char hex_octet(std::string_view digits) {
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (fault != std::errc{} || digits.size() != 2 || end != digits.data() + 2) throw std::runtime_error("say \\xHH");
  return static_cast<char>(value);
}

/// What follows "\*": a count and words in braces. Returns the rest.
std::string_view repeat(std::string_view text, std::string& out) {
  const auto open = text.find('{');
  const auto close = text.find('}');
  const auto count = ascii::to_number(text.substr(0, open));
  if (!count || close == std::string_view::npos) throw std::runtime_error("say \\*count{words}");
  const auto words = unescape(text.substr(open + 1, close - open - 1));
  for (std::uint64_t i = 0; i < *count; ++i) out += words;
  return text.substr(close + 1);
}

class Reader {
 public:
  explicit Reader(Dialog& dialog) : dialog_(dialog) { dialog_.settings.hostname = "mx.example.org"; }

  void read(std::string_view line, std::size_t number) {
    line_ = number;
    if (line.empty() || line.starts_with('#')) return;
    auto rest = line;
    const auto word = next_word(rest);
    if (word == "C:" || word == "C-") return send(line.size() > 3 ? line.substr(3) : "", word == "C:");
    if (word == "S:") return expect(line.size() > 3 ? line.substr(3) : "");
    if (word == "|") return text(line.size() > 2 ? line.substr(2) : "");
    if (word == "set") return set(rest);
    if (word == "start") return start(rest);
    if (word == "stored") return stored(rest);
    if (word == "event") return void(step(DialogEvent{std::string(rest)}));
    if (word != "answer") throw std::runtime_error("no such line: " + word);
    auto kind = next_word(rest);
    step(DialogAnswer{std::move(kind), std::string(rest)});
  }

 private:
  template <class Step>
  Step& step(Step what) {
    dialog_.steps.push_back({line_, std::move(what)});
    return std::get<Step>(dialog_.steps.back().what);
  }
  /// The step under way, if it is of this kind; else a new one.
  template <class Step>
  Step& go_on() {
    auto* last = dialog_.steps.empty() ? nullptr : std::get_if<Step>(&dialog_.steps.back().what);
    return last != nullptr ? *last : step(Step{});
  }

  void send(std::string_view text, bool with_line_end) {
    const auto bytes = unescape(text) + (with_line_end ? "\r\n" : "");
    go_on<DialogSend>().bytes += bytes;
    dialog_.sent_octets += bytes.size();
  }
  void expect(std::string_view pattern) {
    auto& expected = go_on<DialogExpect>();
    if (pattern == "<closed>") {
      expected.closed = true;
    } else {
      expected.patterns.emplace_back(pattern);
    }
  }
  void set(std::string_view rest) {
    const auto key = next_word(rest);
    if (!setters().contains(key)) throw std::runtime_error("no such setting: " + key);
    setters().at(key)(dialog_.settings, rest);
  }
  void start(std::string_view rest) {
    const auto how = next_word(rest);
    if (how == "tls") return void(step(DialogStart{.tls = true, .refusal = {}}));
    if (how != "refuse") throw std::runtime_error("start tls, or start refuse");
    step(DialogStart{.tls = false, .refusal = read_reply(rest)});
  }
  void stored(std::string_view rest) {
    const auto to = rest.find("> to <");
    if (to == std::string_view::npos) throw std::runtime_error("stored <a> to <b>");
    DialogMessage message{.sender = std::string(rest.substr(0, to + 1)), .recipients = {}, .text = {}};
    for (rest.remove_prefix(to + 5); !rest.empty();) {
      // A quoted local part may hold ">" and blanks; "> <" ends a path all the same in every name a test needs.
      const auto end = std::min(rest.find("> <"), rest.size() - 1);
      message.recipients.emplace_back(rest.substr(0, end + 1));
      rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    dialog_.stored.push_back(std::move(message));
  }
  void text(std::string_view line) {
    if (dialog_.stored.empty()) throw std::runtime_error("text belongs to a stored message");
    auto& whole = dialog_.stored.back().text;
    whole = whole.value_or("") + unescape(line) + "\r\n";
  }

  Dialog& dialog_;
  std::size_t line_ = 0;
};

}  // namespace

std::string next_word(std::string_view& text) {
  text = ascii::trim(text);
  const auto word = text.substr(0, text.find(' '));
  text = ascii::trim(text.substr(word.size()));
  return std::string(word);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!ascii::trim(text).empty()) words.push_back(next_word(text));
  return words;
}

bool on_or_off(std::string_view value) {
  if (value != "on" && value != "off") throw std::runtime_error("say on or off");
  return value == "on";
}

std::string unescape(std::string_view text) {
  static const std::map<char, char> letters{{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    const char kind = text.empty() ? '\0' : text.front();
    text.remove_prefix(1);
    if (kind == 'x') {
      out += hex_octet(text.substr(0, 2));
      text.remove_prefix(2);
    } else if (kind == '*') {
      text = repeat(text, out);
    } else {
      out += letters.at(kind);
    }
  }
  return out;
}

smtp::Reply read_reply(std::string_view text) {
  const auto code = ascii::to_number(next_word(text));
  if (!code) throw std::runtime_error("a reply begins with a code");
  auto rest = text;
  const auto status = mail::EnhancedStatus::parse(next_word(rest));
  if (!status) return {static_cast<unsigned>(*code), ReplyText{text}};
  return {static_cast<unsigned>(*code), *status, ReplyText{rest}};
}

bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  const auto rest = pattern.substr(star + 1);
  for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
    if (matches(rest, text.substr(skipped))) return true;
  }
  return false;
}

Dialog read_dialog(const std::filesystem::path& file) {
  Dialog dialog;
  Reader reader(dialog);
  std::ifstream in(file);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    try {
      reader.read(line, number);
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", file.filename().string(), number, error.what()));
    }
  }
  if (dialog.steps.empty()) throw std::runtime_error(file.string() + ": no dialogue");
  return dialog;
}

}  // namespace posthorn::testing
