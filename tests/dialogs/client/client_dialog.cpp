#include "dialogs/client/client_dialog.hpp"

#include "base/ascii.hpp"
#include "dialogs/dialog.hpp"

#include <fmt/core.h>

#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>

namespace posthorn::testing {
namespace {

using smtp::ClientSettings;

template <class Number>
void set_number(Number& number, std::string_view value) {
  const auto read = ascii::to_number(value);
  if (!read) throw std::runtime_error("say a number");
  number = static_cast<Number>(*read);
}

void set_tls(ClientSettings& settings, std::string_view value) {
  static const std::map<std::string_view, smtp::RemoteTls> levels{{"none", smtp::RemoteTls::none},
                                                                  {"may", smtp::RemoteTls::may},
                                                                  {"require", smtp::RemoteTls::require},
                                                                  {"verify", smtp::RemoteTls::verify}};
  settings.tls = levels.at(value);
}

using Setter = std::function<void(ClientSettings&, std::string_view)>;

Setter boolean(bool ClientSettings::* member) {
  return [member](ClientSettings& settings, std::string_view value) { settings.*member = on_or_off(value); };
}

template <class Number>
Setter number(Number ClientSettings::* member) {
  return [member](ClientSettings& settings, std::string_view value) { set_number(settings.*member, value); };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all{
      {"tls", set_tls},
      {"lmtp",
       [](ClientSettings& settings, std::string_view value) {
         settings.dialect = on_or_off(value) ? smtp::Dialect::lmtp : smtp::Dialect::smtp;
       }},
      {"tls_from_first_byte", boolean(&ClientSettings::tls_from_first_byte)},
      {"authenticate", boolean(&ClientSettings::authenticate)},
      {"plain_text_passwords", boolean(&ClientSettings::plain_text_passwords)},
      {"defer_unauthenticated", boolean(&ClientSettings::defer_unauthenticated)},
      {"extended_hello", boolean(&ClientSettings::extended_hello)},
      {"pipelining", boolean(&ClientSettings::pipelining)},
      {"quits_after_421", boolean(&ClientSettings::quits_after_421)},
      {"chunking", boolean(&ClientSettings::chunking)},
      {"recipients_per_transaction", number(&ClientSettings::recipients_per_transaction)},
      {"reply_line_octets", number(&ClientSettings::reply_line_octets)},
      {"reply_lines", number(&ClientSettings::reply_lines)},
  };
  return all;
}

mail::Address address(std::string_view text) {
  auto parsed = mail::Address::parse(text);
  if (!parsed) throw std::runtime_error("no address: " + std::string(text));
  return *std::move(parsed);
}

void set_body(mail::Envelope& envelope, std::string_view value) {
  static const std::map<std::string_view, mail::BodyType> types{
      {"7bit", mail::BodyType::seven_bit}, {"8bit", mail::BodyType::eight_bit}, {"binary", mail::BodyType::binary}};
  envelope.body = types.at(value);
}

void set_return(mail::Envelope& envelope, std::string_view value) {
  envelope.return_content = value == "full" ? mail::ReturnContent::full : mail::ReturnContent::headers;
}

class Reader {
 public:
  explicit Reader(ClientDialog& dialog) : dialog_(dialog) { dialog_.settings.hello_name = "client.example.org"; }

  void read(std::string_view line, std::size_t number) {
    line_ = number;
    if (line.empty() || line.starts_with('#')) return;
    auto rest = line;
    const auto word = next_word(rest);
    if (word == "S:" || word == "S-") return says(line.size() > 3 ? line.substr(3) : "", word == "S:");
    if (word == "C:") return said(line.size() > 3 ? line.substr(3) : "");
    if (word == "|") return text(line.size() > 2 ? line.substr(2) : "");
    if (word == "set") return set(rest);
    if (word == "with") return with(rest);
    if (word == "message") return message(rest);
    step(ClientEvent{word, std::string(rest)});
  }

 private:
  template <class Step>
  Step& step(Step what) {
    dialog_.steps.push_back({line_, std::move(what)});
    return std::get<Step>(dialog_.steps.back().what);
  }
  template <class Step>
  Step& go_on() {
    auto* last = dialog_.steps.empty() ? nullptr : std::get_if<Step>(&dialog_.steps.back().what);
    return last != nullptr ? *last : step(Step{});
  }

  void says(std::string_view words, bool with_line_end) {
    const auto bytes = unescape(words) + (with_line_end ? "\r\n" : "");
    go_on<ServerSays>().bytes += bytes;
    dialog_.server_octets += bytes.size();
  }
  void said(std::string_view pattern) { go_on<ClientSaid>().patterns.push_back(unescape(pattern)); }

  void set(std::string_view rest) {
    const auto key = next_word(rest);
    if (!setters().contains(key)) throw std::runtime_error("no such setting: " + key);
    setters().at(key)(dialog_.settings, rest);
  }

  /// What the next message has beside sender and recipients.
  void with(std::string_view rest) {
    const auto key = next_word(rest);
    auto& envelope = next_.envelope;
    if (key == "body") return set_body(envelope, rest);
    if (key == "ret") return set_return(envelope, rest);
    if (key == "envid") return void(envelope.envelope_id = rest);
    if (key == "require_tls") return void(envelope.require_tls = true);
    if (key == "smtputf8") return void(next_.needs_smtputf8 = true);
    if (key == "size") return set_number(next_.size, rest);
    if (key == "no_data") return void(next_.stops_before_data = true);
    if (key == "notify") return void(next_recipient_.notify = {.failure = true, .delay = true});
    if (key == "orcpt") return void(next_recipient_.original = {"rfc822", std::string(rest)});
    throw std::runtime_error("no such thing: " + key);
  }

  void message(std::string_view rest) {
    auto& given = step(GiveMessage{std::exchange(next_, {}), {}}).message;
    const auto sender = next_word(rest);
    if (sender != "<>") given.envelope.sender = address(sender);
    for (const auto& recipient : words_of(rest)) {
      given.envelope.recipients.push_back({address(recipient), next_recipient_.notify, next_recipient_.original});
    }
    next_recipient_ = {};
  }

  void text(std::string_view line) {
    auto* given = dialog_.steps.empty() ? nullptr : std::get_if<GiveMessage>(&dialog_.steps.back().what);
    if (given == nullptr) throw std::runtime_error("text belongs to a message");
    given->text += unescape(line) + "\r\n";
    given->message.size = std::max<std::uint64_t>(given->message.size, given->text.size());
  }

  struct RecipientOptions {
    mail::Notify notify{};
    std::optional<mail::OriginalRecipient> original{};
  };

  ClientDialog& dialog_;
  smtp::ClientMessage next_;
  RecipientOptions next_recipient_;
  std::size_t line_ = 0;
};

}  // namespace

ClientDialog read_client_dialog(const std::filesystem::path& file) {
  ClientDialog dialog;
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
