#include "cli/send_screen.hpp"

#include "base/clean_text.hpp"
#include "mail/header_field.hpp"

#include <algorithm>

namespace posthorn::cli {
namespace {

using smtp::ClientState;

constexpr std::uint64_t large_text = 1U << 20;  // octets from which on progress is worth a line
constexpr std::size_t bar_columns = 30;
constexpr std::size_t shown_octets = 1'000;

std::string clean(std::string_view text) { return LogText(text, shown_octets).text(); }

/// The subject as it stands in the header, or nothing.
std::string_view subject_line(std::string_view header) {
  mail::HeaderReader reader(header);
  while (const auto field = reader.next()) {
    if (field->is("Subject")) return field->raw.substr(0, field->raw.find_last_not_of("\r\n") + 1);
  }
  return {};
}

}  // namespace

void SendScreen::on_connecting(const Endpoint& to) { show("connecting to " + to.to_string()); }

void SendScreen::on_unreachable(const Endpoint& /*to*/, std::string_view why) { show(clean(why)); }

void SendScreen::on_state(ClientState state) {
  switch (state) {
    case ClientState::hello:
      expects_hello_ = true;  // whether it is EHLO or HELO, the command says
      return;
    case ClientState::ready:
      return;
    case ClientState::closed:
      return end_text();
    case ClientState::body:
      show_state("SUBJ", Paint::heading);
      in_text_ = true;
      sent_ = 0;
      return;
    case ClientState::dot:
      end_text();
      break;
    case ClientState::error_4yz:
      end_text();
      return show_state(name_of(state), Paint::warning);
    case ClientState::error_5yz:
      end_text();
      return show_state(name_of(state), Paint::bad);
    case ClientState::start:
    case ClientState::starttls:
    case ClientState::auth:
    case ClientState::from:
    case ClientState::to:
    case ClientState::data:
    case ClientState::quit:
      break;
  }
  show_state(name_of(state), Paint::heading);
}

void SendScreen::on_line(const smtp::DialogueLine& line) {
  const bool sent = line.direction == smtp::DialogueLine::Direction::sent;
  const std::string_view text = line.text;
  const bool is_hello = text.starts_with("EHLO ") || text.starts_with("HELO ");
  if (sent && is_hello && (expects_hello_ || text.starts_with("HELO "))) {
    expects_hello_ = false;
    show_state(text.substr(0, 4), Paint::heading);
  }
  show((sent ? ">>> " : "<<< ") + clean(text));
}

void SendScreen::on_tls(const world::TlsFacts& facts) {
  show(fmt::format("{}, {}, certificate of {}{}", facts.protocol, facts.cipher,
                   facts.peer_subject.empty() ? "nobody" : clean(facts.peer_subject),
                   facts.peer_verified ? ", verified" : ""));
}

void SendScreen::on_text(std::string_view piece) {
  if (in_text_ && sent_ == 0) show_header(piece);
  sent_ += piece.size();
  show_progress();
}

/// The header is the first piece of a letter.
void SendScreen::show_header(std::string_view piece) {
  auto subject = subject_line(piece.substr(0, piece.find("\r\n\r\n") + 2));
  while (!subject.empty()) {
    const auto end = std::min(subject.find("\r\n"), subject.size());
    show(">>> " + clean(subject.substr(0, end)));
    subject.remove_prefix(std::min(end + 2, subject.size()));
  }
  show_state("BODY", Paint::heading);
}

void SendScreen::end_text() {
  if (bar_is_shown_) console_.remark("\r{:{}}\r", "", bar_octets_);  // blanks: every terminal knows them
  bar_is_shown_ = false;
  if (in_text_) show(fmt::format(">>> ({} octets of text)", sent_));
  in_text_ = false;
}

void SendScreen::show_progress() {
  if (!settings_.shows_progress || settings_.quiet || size_ < large_text) return;
  const auto percent = static_cast<unsigned>(std::min<std::uint64_t>(sent_ * 100 / size_, 100));
  if (bar_is_shown_ && percent == shown_percent_) return;
  shown_percent_ = percent;
  bar_is_shown_ = true;
  const auto filled = bar_columns * percent / 100;
  const auto bar =
      fmt::format("[{:#<{}}{:.<{}}] {:3} % of {} MiB", "", filled, "", bar_columns - filled, percent, size_ >> 20U);
  bar_octets_ = bar.size();
  console_.remark("\r{}", bar);
}

void SendScreen::show_state(std::string_view name, Paint paint) {
  if (settings_.quiet) return;
  console_.print("{}\n", console_.painted(paint, fmt::format("[{}]", name)));
  static_cast<void>(console_.flush());
}

void SendScreen::show(std::string_view text) {
  if (settings_.quiet) return;
  console_.print("{}\n", text);
  static_cast<void>(console_.flush());
}

}  // namespace posthorn::cli
