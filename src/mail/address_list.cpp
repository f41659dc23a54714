#include "mail/address_list.hpp"

#include "base/scanner.hpp"
#include "mail/header_lexer.hpp"

#include <utility>

namespace posthorn::mail {
namespace {

/// Words and dots up to a delimiter, which tells whether they were a display name or a local part.
struct Words {
  std::string spaced;       // as a display name
  std::string joined;       // as a local part
  bool is_local = true;     // words and single dots take turns so far
  bool after_word = false;  // the last was a word

  [[nodiscard]] bool any() const { return after_word || !is_local || !joined.empty(); }
  [[nodiscard]] bool is_local_part() const { return is_local && after_word; }

  void add_word(std::string_view word, bool apart) {
    if (after_word) is_local = false;
    append(word, apart);
    after_word = true;
  }

  void add_dot(bool apart) {
    if (!after_word) is_local = false;
    append(".", apart);
    after_word = false;
  }

 private:
  void append(std::string_view text, bool apart) {
    if (apart && !spaced.empty()) spaced += ' ';
    spaced += text;
    joined += text;
  }
};

bool starts_word(char c) { return is_atext(c) || c == '"'; }

class ListParser {
 public:
  ListParser(std::string_view value, std::size_t most) : scanner_(value), most_(most) {}

  AddressList read() {
    skip_blanks();
    while (!scanner_.at_end() && list_.mailboxes.size() < most_) element();
    if (!scanner_.at_end() || in_group_) malformed();
    return std::move(list_);
  }

 private:
  /// A mailbox with the delimiter after it, the beginning of a group, or a delimiter alone. Takes something always.
  void element() {
    const auto words = take_words();
    if (scanner_.take('<')) {
      angle_address(words.spaced);
    } else if (scanner_.take('@')) {
      add_mailbox({}, words, take_domain());
    } else if (scanner_.take(':')) {
      return begin_group(words);
    } else if (words.any()) {
      add_mailbox({}, words, std::nullopt);
    }
    delimiter();
  }

  /// RFC 5322 §3.4, §4.4: [obs-route] addr-spec ">"; the "<" is taken.
  void angle_address(std::string_view display_name) {
    skip_route();
    const auto local_part = take_words();
    const auto domain = scanner_.take('@') ? std::optional{take_domain()} : std::nullopt;
    add_mailbox(display_name, local_part, domain);
    if (scanner_.take('>')) return;
    malformed();
    scanner_.take_while([](char c) { return c != '>' && c != ','; });
    scanner_.take('>');
  }

  /// RFC 5322 §4.4: obs-route, as in `@a.example,,@b.example:`.
  void skip_route() {
    skip_blanks();
    if (scanner_.peek() != '@') return;
    bool after_domain = false;
    while (scanner_.take(',') || (!after_domain && scanner_.take('@'))) {
      after_domain = scanner_.since(scanner_.position() - 1) == "@";
      if (after_domain && !Domain::parse(take_domain())) malformed();
      skip_blanks();
    }
    if (!scanner_.take(':')) malformed();
  }

  void begin_group(const Words& name) {
    if (!name.any() || in_group_) malformed();
    in_group_ = true;
    ++list_.groups;
    skip_blanks();
  }

  /// What may stand between two mailboxes: a comma, or the end of a group.
  void delimiter() {
    skip_blanks();
    if (scanner_.take(';')) {
      if (!in_group_) malformed();
      in_group_ = false;
      skip_blanks();
    }
    if (!scanner_.at_end() && !scanner_.take(',')) {
      malformed();
      if (!starts_word(scanner_.peek())) scanner_.take_some(1);
    }
    skip_blanks();
  }

  Words take_words() {
    Words words;
    while (true) {
      const auto before = scanner_.position();
      skip_blanks();
      const bool apart = scanner_.position() != before;
      if (scanner_.peek() == '"') {
        const auto word = take_quoted_string(scanner_);
        if (!word) malformed();
        words.add_word(word.value_or(std::string{}), apart);
      } else if (scanner_.take('.')) {
        words.add_dot(apart);
      } else if (is_atext(scanner_.peek())) {
        words.add_word(scanner_.take_while(is_atext), apart);
      } else {
        return words;
      }
    }
  }

  std::string take_domain() {
    skip_blanks();
    std::string domain;
    if (scanner_.take('[')) {
      domain = '[';
      domain += scanner_.take_while([](char c) { return c != ']' && c != '>' && c != ','; });
      if (scanner_.take(']')) domain += ']';
    } else {
      do {
        skip_blanks();
        const auto atom = scanner_.take_while(is_atext);
        if (atom.empty()) malformed();
        domain += atom;
        skip_blanks();
        if (scanner_.peek() == '.') domain += '.';
      } while (scanner_.take('.'));
    }
    skip_blanks();
    return domain;
  }

  void add_mailbox(std::string_view display_name, const Words& local_part, const std::optional<std::string>& domain) {
    ListedMailbox mailbox{
        .display_name = std::string(display_name), .text = local_part.joined, .address = std::nullopt};
    if (domain) {
      mailbox.text += '@';
      mailbox.text += *domain;
      mailbox.address = address_of(local_part, *domain);
    }
    if (!mailbox.address) malformed();
    list_.mailboxes.push_back(std::move(mailbox));
  }

  static std::optional<Address> address_of(const Words& local_part, std::string_view domain_text) {
    const auto domain = Domain::parse(domain_text);
    if (!domain || !local_part.is_local_part()) return std::nullopt;
    auto address = Address::make(local_part.joined, *domain);
    if (!address) return std::nullopt;
    return *std::move(address);
  }

  void skip_blanks() {
    if (!skip_cfws(scanner_)) malformed();
  }
  void malformed() { list_.well_formed = false; }

  Scanner scanner_;
  std::size_t most_;
  AddressList list_;
  bool in_group_ = false;
};

}  // namespace

AddressList parse_address_list(std::string_view value, std::size_t most) { return ListParser(value, most).read(); }

}  // namespace posthorn::mail
