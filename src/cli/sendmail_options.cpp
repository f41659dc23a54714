#include "cli/sendmail_options.hpp"

#include "base/ascii.hpp"
#include "mail/dsn_parameters.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::array option_texts{
    SendmailOption{
        "-t", "",
        "the recipients are those of the message's To, Cc and Bcc, besides those named as words; Bcc is removed"},
    SendmailOption{"-i", "", "a line with a dot alone does not end the message (also -oi)"},
    SendmailOption{"-f", "ADDRESS", "the envelope sender, whom reports go to; <> for none (also -r)"},
    SendmailOption{"-F", "NAME", "the sender's full name, for a From field that is missing"},
    SendmailOption{"-N", "WHEN", "which reports are wanted: never, or a list of success, failure, delay"},
    SendmailOption{"-R", "WHAT",
                   "what a report gives back of the message: hdrs, or full (what is larger than 1 MiB: its header)"},
    SendmailOption{"-V", "ID", "an envelope id, which reports repeat"},
    SendmailOption{"-bm", "", "read a message from standard input and hand it in: the usual way"},
    SendmailOption{"-bs", "", "speak SMTP on standard input and output"},
    SendmailOption{"-bp", "", "list the queue, as mailq does"},
    SendmailOption{"-bi", "", "check the aliases, as newaliases does"},
    SendmailOption{"-q", "", "try everything that waits in the queue now"},
    SendmailOption{"-v", "", "say what is done"},
    SendmailOption{"-C", "FILE", "the configuration file (also -c)"},
    SendmailOption{"-A, -B, -d, -G, -h, -L, -m, -n, -o…, -O, -p, -U, -X", "",
                   "taken for the sake of other software; they change nothing"},
};

// Which letters take a value, which may stand in the same word, or be the next.
constexpr std::string_view letters_with_value = "fFrNRVCcBhLXpAOo";
// Which take one in the same word only.
constexpr std::string_view letters_with_joined_value = "bqde";
constexpr std::string_view letters_alone = "tinmvGUIE";

using Done = std::expected<void, std::string>;

std::unexpected<std::string> refuse(std::string why) { return std::unexpected(std::move(why)); }

class Parser {
 public:
  explicit Parser(std::span<const std::string> words) : words_(words) {}

  std::expected<SendmailOptions, std::string> parse() {
    while (!words_.empty()) {
      const std::string_view word = next();
      if (word == "--") break;
      if (word == "--help") return with_mode(SendmailOptions::Mode::help);
      if (word == "--version") return with_mode(SendmailOptions::Mode::version);
      if (word == "--config") {
        if (words_.empty()) return refuse("--config needs a file");
        options_.configuration = next();
        continue;
      }
      if (!word.starts_with('-') || word == "-") {
        options_.recipients.emplace_back(word);
        continue;
      }
      if (auto read = read_letters(word.substr(1)); !read) return refuse(std::move(read.error()));
    }
    options_.recipients.insert(options_.recipients.end(), words_.begin(), words_.end());
    return std::move(options_);
  }

 private:
  std::string_view next() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  SendmailOptions with_mode(SendmailOptions::Mode mode) {
    options_.mode = mode;
    return options_;
  }

  Done read_letters(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      if (letters_alone.contains(letter)) {
        read_flag(letter);
        continue;
      }
      std::string_view value = std::exchange(letters, {});
      if (letters_with_value.contains(letter)) {
        if (value.empty() && words_.empty()) return refuse(fmt::format("-{} needs a value", letter));
        if (value.empty()) value = next();
      } else if (!letters_with_joined_value.contains(letter)) {
        return refuse(fmt::format("there is no option -{}", ascii::is_printable(letter) ? letter : '?'));
      }
      if (auto read = read_value(letter, value); !read) return read;
    }
    return {};
  }

  void read_flag(char letter) {
    if (letter == 't') options_.names_recipients_in_header = true;
    if (letter == 'i') options_.a_dot_ends = false;
    if (letter == 'v') options_.is_verbose = true;
    if (letter == 'I') options_.mode = SendmailOptions::Mode::check_aliases;
  }

  Done read_value(char letter, std::string_view value) {
    switch (letter) {
      case 'f':
      case 'r':
        options_.sender = value;
        return {};
      case 'F':
        options_.full_name = value;
        return {};
      case 'C':
      case 'c':
        options_.configuration = value;
        return {};
      case 'o':
      case 'O':
        return read_old_option(value);
      case 'b':
        return read_mode(value);
      case 'N':
        return read_notify(value);
      case 'R':
        return read_return(value);
      case 'V':
        return read_envelope_id(value);
      case 'q':
        options_.mode = SendmailOptions::Mode::flush_queue;
        return {};
      default:
        return {};
    }
  }

  /// Of the many only one is about us.
  Done read_old_option(std::string_view value) {
    if (value == "i" || ascii::starts_with_word(value, "IgnoreDots")) options_.a_dot_ends = false;
    return {};
  }

  Done read_mode(std::string_view value) {
    using enum SendmailOptions::Mode;
    static constexpr std::array<std::pair<std::string_view, SendmailOptions::Mode>, 5> modes{
        {{"m", deliver}, {"s", smtp}, {"p", list_queue}, {"i", check_aliases}, {"a", smtp}}};
    for (const auto& [name, mode] : modes) {
      if (value == name) options_.mode = mode;
      if (value == name) return {};
    }
    if (value == "d" || value == "D") return refuse("-bd: the server is started by \"posthorn serve\"");
    return refuse("-b: the modes are m, s, p and i");
  }

  Done read_notify(std::string_view value) {
    const auto notify = mail::parse_notify(ascii::upper(value));
    if (!notify) return refuse("-N: never, or a list of success, failure, delay");
    options_.notify = *notify;
    return {};
  }

  Done read_return(std::string_view value) {
    const auto content = mail::parse_return_content(ascii::upper(value));
    if (!content) return refuse("-R: hdrs or full");
    options_.return_content = *content;
    return {};
  }

  Done read_envelope_id(std::string_view value) {
    auto id = mail::parse_envelope_id(value);
    if (!id) return refuse("-V: " + id.error().text);
    options_.envelope_id = std::move(*id);
    return {};
  }

  std::span<const std::string> words_;
  SendmailOptions options_;
};

}  // namespace

std::expected<SendmailOptions, std::string> parse_sendmail_options(std::span<const std::string> words) {
  return Parser(words).parse();
}

std::span<const SendmailOption> sendmail_option_texts() { return option_texts; }

}  // namespace posthorn::cli
