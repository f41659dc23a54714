// ReferenceSession: what a server session must be after each reply (FAULTS I16), told a second time and as plainly as can be:
// over the whole input at once, octet by octet, without buffers, views or effects. It shares the grammar of commands and
// the settings with the real one, and nothing else. Slow; for tests.
#pragma once

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "smtp/command.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::testing {

class ReferenceSession {
 public:
  using State = smtp::ServerSession::State;
  struct Step {
    unsigned code;
    State state;
    std::size_t recipients;
    bool operator==(const Step&) const = default;
  };
  /// The code of the answer to a question, 0: yes. For "authentication" 334 is a challenge.
  using Decide = std::function<unsigned(std::string_view kind)>;

  ReferenceSession(smtp::ServerSettings settings, Decide decide)
      : set_(std::move(settings)), decide_(std::move(decide)) {
    say(220);
  }

  /// Everything a client sends before it waits.
  void send(std::string_view bytes) {
    input_ += bytes;
    while (state_ != State::closed && step()) {
    }
  }

  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }
  [[nodiscard]] const std::vector<std::string>& stored() const { return stored_; }

 private:
  void say(unsigned code) { steps_.push_back({code, state_, recipients_}); }
  void forget() {
    recipients_ = 0;
    attempts_ = 0;
    text_.clear();
    line_.clear();
    binary_ = smtputf8_ = in_text_ = false;
    failed_ = 0;
    chunk_.reset();
    if (state_ != State::start) state_ = State::init;
  }
  void close(unsigned code) {
    forget();
    state_ = State::closed;
    say(code);
  }
  void no(unsigned code, bool always_counts = false) {
    if (code == 421) return close(421);
    if ((code >= 500 || always_counts) && ++errors_ > set_.errors) return close(421);
    say(code);
  }
  bool junk() {
    if (++junk_ > set_.junk_commands) close(421);
    return state_ != State::closed;
  }
  bool in_transaction() const {
    return state_ == State::mail_started || state_ == State::rcpt_received || state_ == State::data_receiving;
  }

  /// One line, one end of text, or one chunk; false if more input is needed.
  bool step() {
    if (in_text_) return text();
    if (chunk_) return chunk();
    return line();
  }

  bool line() {
    if (first_ && !input_.empty()) {
      const auto c = static_cast<unsigned char>(input_.front());
      if (c >= 0x7f || (c < 0x20 && c != '\r' && c != '\n' && c != '\t')) return close(500), true;
    }
    for (std::size_t at = 0; at < input_.size(); ++at) {
      if (at > set_.discard_line_octets) return close(500), true;
      if (input_[at] == '\n' || input_[at] == '\0') return close(500), true;
      if (input_[at] != '\r') continue;
      if (at + 1 == input_.size()) return false;
      if (input_[at + 1] != '\n') return close(500), true;
      const auto text = input_.substr(0, at);
      input_.erase(0, at + 2);
      on_line(text);
      return true;
    }
    if (input_.size() > set_.discard_line_octets) close(500);
    return false;
  }

  void on_line(const std::string& text) {
    if (text.size() + 2 > set_.auth_octets) {
      exchange_ = false;
      first_ = false;
      return no(500);
    }
    if (exchange_) return response(text);
    if (first_line_ && smtp::is_foreign_start(text)) return close(500);
    first_ = first_line_ = false;
    const auto command = smtp::parse_command(text, {.octets = set_.command_octets,
                                                    .parameter_octets = set_.parameter_command_octets,
                                                    .auth_octets = set_.auth_octets});
    if (!command) {
      const auto fault = command.error();
      if (fault == smtp::CommandFault::bad_chunk_size) return close(501);
      if (fault == smtp::CommandFault::not_smtp) return close(500);
      return no(smtp::reply_to(fault).code());
    }
    std::visit([this](const auto& one) { on(one); }, *command);
  }

  void on(const smtp::HelloCommand& hello) {
    if (!junk()) return;
    forget();
    state_ = State::init;
    extended_ = hello.extended;
    say(250);
  }
  void on(const smtp::ResetCommand&) {
    if (!junk()) return;
    forget();
    say(250);
  }
  void on(const smtp::NoopCommand&) {
    if (junk()) say(250);
  }
  void on(const smtp::VerifyCommand&) {
    if (junk()) say(252);
  }
  void on(const smtp::HelpCommand& help) {
    if (!junk()) return;
    const bool is_known = help.topic.empty() || smtp::replies::help_about(help.topic);
    is_known ? say(214) : no(504);
  }
  void on(const smtp::QuitCommand&) { close(221); }

  void on(const smtp::StartTlsCommand&) {
    if (encrypted_ || state_ == State::start) return no(503);
    if (!input_.empty()) return close(554);
    if (!junk()) return;
    forget();
    state_ = State::start;
    encrypted_ = first_ = first_line_ = true;
    extended_ = user_ = false;
  }
  void on(const smtp::AuthCommand& auth) {
    if (state_ == State::start || !extended_ || in_transaction() || user_) return no(503);
    const auto name = ascii::upper(auth.mechanism);
    if (name == "PLAIN" && !encrypted_) return no(538);
    if (name != "PLAIN" && name != "SCRAM-SHA-256") return no(504);
    if (auth.initial_response && *auth.initial_response != "=" && !base64::decode(*auth.initial_response))
      return no(501);
    authenticate();
  }
  void response(const std::string& text) {
    exchange_ = false;
    if (text == "*" || !base64::decode(text)) return no(501);
    authenticate();
  }
  void authenticate() {
    const auto code = decide_("authentication");
    if (code == 334) exchange_ = true;
    if (code == 334 || code == 0) {
      user_ = code == 0;
      return say(code == 0 ? 235 : 334);
    }
    if (code >= 500 && ++failures_ >= set_.authentication_failures) return close(421);
    no(code);
  }

  void on(const smtp::MailCommand& mail) {
    if (state_ != State::init) return no(503);
    if (mail.envelope.declared_size.value_or(0) > set_.message_octets) return no(552);
    if (const auto code = decide_("sender")) return junk() ? no(code) : void();
    state_ = State::mail_started;
    binary_ = mail.envelope.body == mail::BodyType::binary;
    smtputf8_ = mail.envelope.smtputf8;
    say(250);
  }
  void on(const smtp::RcptCommand& rcpt) {
    if (state_ != State::mail_started && state_ != State::rcpt_received) return no(503);
    const bool too_often = ++attempts_ > set_.recipients + set_.recipient_overshoot;
    if (rcpt.has_8bit && !smtputf8_) return no(553, too_often);
    if (recipients_ >= set_.recipients) return no(452, too_often);
    if (std::holds_alternative<mail::PostmasterPath>(rcpt.path)) return no(550, too_often);
    if (const auto code = decide_("recipient")) return no(code, too_often);
    ++recipients_;
    state_ = State::rcpt_received;
    say(250);
  }

  void on(const smtp::DataCommand&) {
    if (state_ == State::data_receiving) forget();
    if (state_ != State::rcpt_received || binary_) return no(503);
    if (const auto code = decide_("begin")) return forget(), no(code);
    state_ = State::data_receiving;
    in_text_ = true;
    say(354);
  }

  bool text() {
    while (!input_.empty()) {
      const char c = input_.front();
      input_.erase(0, 1);
      if (!fits_behind(line_, c)) return close(550), true;
      line_ += c;
      if (line_ == ".\r\n") return end(), true;
      if (line_ != "." && line_ != ".\r" && !take(c)) return true;
      if (c == '\n') line_.clear();
    }
    return false;
  }
  /// A CR is followed by an LF, an LF preceded by a CR, and NUL stands nowhere.
  static bool fits_behind(std::string_view before, char c) {
    return before.ends_with('\r') ? c == '\n' : c != '\n' && c != '\0';
  }
  /// The next octet of a message; false if it ended the session.
  bool take(char c) {
    text_ += c;
    if (text_.size() == 1 && failed_ == 0) failed_ = decide_("bytes");
    if (text_.size() > set_.message_octets && failed_ == 0) failed_ = 552;
    if (failed_ == 0 || text_.size() <= set_.message_octets + set_.discard_octets()) return true;
    return close(failed_), false;
  }

  void on(const smtp::BdatCommand& bdat) {
    if (bdat.octets == 0 && !bdat.last && !junk()) return;
    chunk_ = Chunk{.left = bdat.octets, .last = bdat.last};
    if (state_ != State::rcpt_received && state_ != State::data_receiving) {
      chunk_->refusal = 503;
    } else if (bdat.octets > set_.message_octets - text_.size()) {
      refuse_chunk(552);
    } else if (state_ == State::rcpt_received) {
      if (const auto code = decide_("begin")) {
        refuse_chunk(code);
      } else {
        state_ = State::data_receiving;
      }
    }
    if (chunk_->refusal != 0 && bdat.octets > set_.discard_octets()) close(chunk_->refusal);
  }
  void refuse_chunk(unsigned code) {
    const auto chunk_at_hand = chunk_;
    forget();
    chunk_ = chunk_at_hand;
    chunk_->refusal = code;
  }
  bool chunk() {
    while (chunk_->left > 0) {
      if (input_.empty()) return false;
      const char c = input_.front();
      input_.erase(0, 1);
      --chunk_->left;
      if (chunk_->refusal != 0) continue;
      if (!binary_ && !fits_behind(text_, c)) return close(550), true;
      take(c);
      if (failed_ != 0) refuse_chunk(failed_);
    }
    const auto done = *std::exchange(chunk_, std::nullopt);
    if (done.refusal != 0) return no(done.refusal), true;
    if (!done.last) return say(250), true;
    if (!binary_ && text_.ends_with('\r')) return close(550), true;
    return end(), true;
  }

  void end() {
    const auto code = failed_ != 0 ? failed_ : decide_("end");
    if (code == 0) stored_.push_back(text_);
    if (code == 0) junk_ = 0;
    forget();
    code == 0 ? say(250) : no(code);
  }

  struct Chunk {
    std::uint64_t left = 0;
    bool last = false;
    unsigned refusal = 0;
  };
  smtp::ServerSettings set_;
  Decide decide_;
  std::vector<Step> steps_;
  std::vector<std::string> stored_;
  std::string input_;
  State state_ = State::start;
  bool encrypted_ = false, extended_ = false, user_ = false, exchange_ = false, first_ = true, first_line_ = true;
  std::uint32_t errors_ = 0, junk_ = 0, failures_ = 0;
  // The transaction.
  std::size_t recipients_ = 0;
  std::uint32_t attempts_ = 0;
  bool binary_ = false, smtputf8_ = false, in_text_ = false;
  unsigned failed_ = 0;
  std::optional<Chunk> chunk_;
  std::string text_, line_;
};

}  // namespace posthorn::testing
