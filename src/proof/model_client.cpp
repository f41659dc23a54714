#include "proof/model_client.hpp"

#include "base/base64.hpp"
#include "proof/model_authenticator.hpp"
#include "world/wait.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 12min;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// RFC 5321 §4.2: three digits, a blank or a hyphen, printable text.
bool is_reply_line(std::string_view line) {
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit) || line[0] < '2' || line[0] > '5')
    return false;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return false;
  return line.size() <= 510 && std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; });
}

std::string with_dots_doubled(std::string_view text) {
  std::string stuffed;
  while (!text.empty()) {
    if (text.starts_with('.')) stuffed += '.';
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end == std::string_view::npos ? end : end + 2);
    stuffed += line;
    text.remove_prefix(line.size());
  }
  return stuffed;
}

std::string_view notify_parameter(Notify notify) {
  switch (notify) {
    case Notify::unsaid:
      return "";
    case Notify::never:
      return " NOTIFY=NEVER";
    case Notify::failure:
      return " NOTIFY=FAILURE";
    case Notify::success_failure_delay:
      return " NOTIFY=SUCCESS,FAILURE,DELAY";
  }
  return "";
}

}  // namespace

world::Task<> ModelClient::run(Endpoint server) {
  auto stream = co_await world_.network.connect(server, {}, after(world_.loop.now(), 1min));
  if (!stream) co_return;
  stream_ = std::move(*stream);
  co_await converse();
  stream_.reset();
}

world::Task<> ModelClient::converse() {
  const auto greeting = co_await hear();
  if (!greeting || greeting->code != 220) co_return;
  if (!co_await hello()) co_return;
  if (letter_.starttls && !co_await go_over_to_tls()) co_return;
  if (letter_.flaw == Flaw::wrong_order) {
    if (!co_await say("DATA\r\nRCPT TO:<alice@example.org>\r\nNOOP\r\n")) co_return;
    for (const unsigned expected : {503U, 503U, 250U}) {
      const auto answer = co_await hear();
      if (!answer) co_return;
      if (answer->code != expected && answer->code != 421) {
        world_.ledger.violate("I16", fmt::format("{} where {} was due", answer->code, expected));
      }
    }
  }
  if (letter_.door == Door::submission && !co_await log_in()) co_return;
  if (letter_.resets && !co_await begin_and_reset()) co_return;
  if (!co_await envelope()) co_return;
  if (letter_.chunked) {
    co_await chunks();
  } else {
    co_await data();
  }
}

world::Task<bool> ModelClient::hello() {
  if (!co_await say("EHLO client.example\r\n")) co_return false;
  const auto answer = co_await hear();
  co_return answer && answer->is_yes();
}

world::Task<bool> ModelClient::go_over_to_tls() {
  if (!co_await say("STARTTLS\r\n")) co_return false;
  const auto answer = co_await hear();
  if (!answer) co_return false;
  if (!answer->is_yes()) co_return true;
  const auto facts = co_await stream_->start_tls(world::TlsClientPolicy{}, after(world_.loop.now(), 1min));
  if (!facts) co_return false;
  co_return co_await hello();
}

world::Task<bool> ModelClient::log_in() {
  if (letter_.flaw == Flaw::without_login) co_return true;
  const bool is_wrong = letter_.flaw == Flaw::wrong_password;
  std::string words(1, '\0');
  words.append(letter_.user)
      .append(1, '\0')
      .append(is_wrong ? "guessed" : ModelAuthenticator::password_of(letter_.user));
  if (!co_await say(fmt::format("AUTH PLAIN {}\r\n", base64::encode(words)))) co_return false;
  const auto answer = co_await hear();
  if (answer && is_wrong && answer->is_yes()) world_.ledger.violate("I8", "a wrong password was taken");
  co_return answer.has_value() && answer->code != 421;
}

/// What is begun before RSET must leave nothing behind (I16).
world::Task<bool> ModelClient::begin_and_reset() {
  const std::string commands[] = {fmt::format("MAIL FROM:<{}>\r\n", letter_.sender),
                                  fmt::format("RCPT TO:<carol+forgotten@{}>\r\n", our_domain), "RSET\r\n"};
  for (const auto& command : commands) {
    if (!co_await say(command)) co_return false;
    const auto answer = co_await hear();
    if (!answer) co_return false;
    if (command == "RSET\r\n" && answer->code != 250 && answer->code != 421) {
      world_.ledger.violate("I16", fmt::format("{} answers RSET", answer->code));
    }
  }
  co_return true;
}

std::string ModelClient::mail_command() const {
  return fmt::format("MAIL FROM:<{}> RET={}\r\n", letter_.sender, letter_.headers_only ? "HDRS" : "FULL");
}

std::string ModelClient::recipient_command(std::size_t place) const {
  const auto& recipient = letter_.recipients[place];
  return fmt::format("RCPT TO:<{}>{}\r\n", recipient.address, notify_parameter(recipient.notify));
}

/// True: somebody will get it.
world::Task<bool> ModelClient::envelope() {
  if (letter_.pipelined) {
    auto all = mail_command();
    for (std::size_t place = 0; place < letter_.recipients.size(); ++place) all += recipient_command(place);
    if (!co_await say(std::move(all))) co_return false;
  } else if (!co_await say(mail_command())) {
    co_return false;
  }
  const auto answer = co_await hear();
  // RFC 4954 §6
  if (answer && letter_.flaw == Flaw::without_login && answer->code != 530 && answer->code != 421) {
    world_.ledger.violate("I8", fmt::format("{} answers MAIL where a login was due", answer->code));
  }
  if (!answer || (!answer->is_yes() && !letter_.pipelined)) co_return false;
  for (std::size_t place = 0; place < letter_.recipients.size(); ++place) {
    if (!letter_.pipelined && !co_await say(recipient_command(place))) co_return false;
    if (!co_await note_answer(place)) co_return false;
  }
  if (taken_ == 0) co_await goodbye();
  co_return taken_ > 0;
}

world::Task<bool> ModelClient::note_answer(std::size_t place) {
  const auto answer = co_await hear();
  if (!answer) co_return false;
  if (answer->is_yes()) {
    ++taken_;
    world_.ledger.recipient_taken(letter_.token, place);
  } else {
    world_.ledger.recipient_refused(letter_.token, place);
  }
  co_return true;
}

world::Task<> ModelClient::data() {
  if (!co_await say("DATA\r\n")) co_return;
  const auto answer = co_await hear();
  if (!answer || answer->code != 354) co_return;
  const auto text = with_dots_doubled(world_.ledger.text(letter_.token));
  const auto half = text.size() / 2;
  if (!co_await say(text.substr(0, half))) co_return;
  if (letter_.pause > Duration{}) co_await world::sleep_until(world_.loop, after(world_.loop.now(), letter_.pause));
  if (!co_await say(text.substr(half) + ".\r\n")) co_return;
  co_await last_answer();
}

world::Task<> ModelClient::chunks() {
  const auto& text = world_.ledger.text(letter_.token);
  const auto half = text.size() / 2;
  if (!co_await say(fmt::format("BDAT {}\r\n{}", half, std::string_view(text).substr(0, half)))) co_return;
  if (!letter_.pipelined) {
    const auto answer = co_await hear();
    if (!answer || !answer->is_yes()) co_return;
  }
  if (letter_.pause > Duration{}) co_await world::sleep_until(world_.loop, after(world_.loop.now(), letter_.pause));
  if (!co_await say(fmt::format("BDAT {} LAST\r\n{}", text.size() - half, std::string_view(text).substr(half))))
    co_return;
  if (letter_.pipelined) {
    const auto answer = co_await hear();
    if (!answer) co_return;
  }
  co_await last_answer();
}

world::Task<> ModelClient::last_answer() {
  const auto answer = co_await hear();
  if (!answer) co_return;
  world_.ledger.answered(letter_.token, answer->code, answer->text);
  co_await goodbye();
}

world::Task<> ModelClient::goodbye() {
  if (!co_await say("QUIT\r\n")) co_return;
  const auto answer = co_await hear();
  if (!answer) co_return;
  if (answer->code != 221 && answer->code != 421)
    world_.ledger.violate("I17", fmt::format("{} answers QUIT", answer->code));
  if (co_await hear()) world_.ledger.violate("I17", "a reply came that nothing had asked for");
}

world::Task<bool> ModelClient::say(std::string text) {
  const auto left = letter_.cut_at.value_or(sent_ + text.size()) - sent_;
  const bool is_cut = left < text.size();
  if (is_cut) text.resize(left);
  sent_ += text.size();
  world_.trace.note("client", fmt::format("{}", letter_.token), "says", text);
  // What is written may arrive: from here on the whole of it counts as sent.
  const bool ends_data = !is_cut && (text.ends_with("\r\n.\r\n") ||
                                     (letter_.chunked && text.starts_with("BDAT") && text.contains(" LAST\r\n")));
  if (ends_data) world_.ledger.end_sent(letter_.token);
  const auto written = co_await stream_->write(text, after(world_.loop.now(), patience));
  if (is_cut) stream_->close();
  co_return written.has_value() && !is_cut;
}

world::Task<std::optional<ModelClient::Answer>> ModelClient::hear() {
  Answer answer;
  while (true) {
    const auto end = heard_.find("\r\n");
    if (end == std::string::npos) {
      const auto bytes = co_await stream_->read(after(world_.loop.now(), patience));
      if (!bytes || bytes->empty()) co_return std::nullopt;
      heard_ += *bytes;
      continue;
    }
    const auto line = heard_.substr(0, end);
    heard_.erase(0, end + 2);
    world_.trace.note("client", fmt::format("{}", letter_.token), "hears", line);
    if (!is_reply_line(line)) {
      world_.ledger.violate("I17", "not a reply: " + line);
      co_return std::nullopt;
    }
    answer.code = static_cast<unsigned>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
    answer.text += line;
    if (line.size() == 3 || line[3] == ' ') co_return answer;
  }
}

}  // namespace posthorn::proof
