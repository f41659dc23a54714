#include "service/probe_record.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::service {
namespace {

using enum smtp::ProbedCommand;

constexpr std::size_t line_octets = 1'000;
constexpr std::size_t reply_octets = 4'000;

smtp::ProbedCommand command_in(std::string_view line) {
  static constexpr std::array<std::pair<std::string_view, smtp::ProbedCommand>, 17> verbs{{{"EHLO", ehlo},
                                                                                           {"HELO", helo},
                                                                                           {"STARTTLS", starttls},
                                                                                           {"MAIL", mail},
                                                                                           {"RCPT", rcpt},
                                                                                           {"DATA", data},
                                                                                           {".", end_of_data},
                                                                                           {"RSET", rset},
                                                                                           {"QUIT", quit},
                                                                                           {"HELP", help},
                                                                                           {"NOOP", noop},
                                                                                           {"VRFY", vrfy},
                                                                                           {"EXPN", expn},
                                                                                           {"SEND", send},
                                                                                           {"SOML", soml},
                                                                                           {"SAML", saml},
                                                                                           {"TURN", turn}}};
  const auto verb = line.substr(0, line.find(' '));
  const auto* found = std::ranges::find(verbs, verb, [](const auto& each) { return each.first; });
  return found == verbs.end() ? auth : found->second;
}

}  // namespace

void ProbeRecord::on_connecting(const Endpoint& to) {
  endpoint_ = to;
  steps_.clear();
  tls_.reset();
  begin(connection);
}

void ProbeRecord::on_unreachable(const Endpoint& /*to*/, std::string_view why) { show_(LogText(why).text()); }

void ProbeRecord::on_state(smtp::ClientState /*state*/) {}

void ProbeRecord::on_line(const smtp::DialogueLine& line) {
  const bool sent = line.direction == smtp::DialogueLine::Direction::sent;
  show_((sent ? ">>> " : "<<< ") + LogText(line.text, line_octets).text());
  sent ? say(line.text) : hear(line.text);
}

void ProbeRecord::say(std::string_view line) {
  // After TURN the reply is ours.
  const bool is_reply = !line.empty() && ascii::is_digit(line.front());
  if (!is_reply) begin(command_in(line));
}

void ProbeRecord::hear(std::string_view line) {
  // What comes after a reply's last line answers nothing.
  if (steps_.empty() || reply_ended_) return;
  auto& step = steps_.back();
  reply_ended_ = line.substr(0, 4).find('-') == std::string_view::npos;
  last_event_ = loop_.now();
  step.took = last_event_ - step_began_;
  step.code = static_cast<unsigned>(ascii::to_number(line.substr(0, 3)).value_or(0));
  const auto text = line.size() > 4 ? line.substr(4) : std::string_view{};
  if (step.reply.size() + text.size() > reply_octets) return;
  if (!step.reply.empty()) step.reply += ' ';
  step.reply += LogText(text, line_octets).text();
}

void ProbeRecord::on_tls(const world::TlsFacts& facts) {
  tls_ = facts;
  handshake_ = loop_.now() - last_event_;
  last_event_ = loop_.now();
}

void ProbeRecord::on_size(std::uint64_t /*octets*/) {}

/// What the answer to the end of the text took begins with its last piece.
void ProbeRecord::on_text(std::string_view piece) {
  last_event_ = loop_.now();
  for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
    text_line_ += piece.substr(0, end);
    if (text_line_.ends_with('\r')) text_line_.pop_back();
    show_(">>> " + LogText(text_line_, line_octets).text());
    text_line_.clear();
    piece.remove_prefix(end + 1);
  }
  text_line_ += piece;
}

void ProbeRecord::begin(smtp::ProbedCommand command) {
  steps_.push_back({.command = command});
  reply_ended_ = false;
  step_began_ = loop_.now();
  last_event_ = step_began_;
}

}  // namespace posthorn::service
