// MemoryReception: a driver of smtp::ServerSession for tests. It performs the effects in memory, answers questions as it was
// told (else it accepts), and keeps what a client would see and what a spool would hold. It is strict about the contract:
// bytes that were lent are gone before a question is answered, and each piece of input has memory of its own, so that a
// sanitizer sees every use past its time.
#pragma once

#include "base/assert.hpp"
#include "mail/envelope.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace posthorn::testing {

class MemoryReception {
 public:
  struct Message {
    mail::Envelope envelope;
    std::string text;
    bool operator==(const Message&) const = default;
  };

  /// Answers in the order in which they will be used up, one list for each kind of question.
  struct Answers {
    std::deque<smtp::Reply> sender;
    std::deque<smtp::Reply> recipient;
    std::deque<smtp::Reply> verify;
    std::deque<smtp::Reply> begin;
    std::deque<smtp::Reply> bytes;  ///< fail_message() at the next octets
    std::deque<smtp::Reply> end;
    struct Challenge {
      std::string octets;
    };
    struct User {
      std::string name;
    };
    using Step = std::variant<Challenge, User, smtp::Reply>;
    std::deque<Step> authentication;
    std::deque<std::optional<smtp::Channel>> tls;  ///< none: the handshake fails
  };

  explicit MemoryReception(smtp::ServerSettings settings)
      : session_(std::make_shared<const smtp::ServerSettings>(std::move(settings))) {}

  smtp::ServerSession& session() { return session_; }
  Answers& answers() { return answers_; }

  /// The client sends these bytes, in pieces of which `cut` gives the sizes (at least 1), given how many are left.
  void send(std::string_view bytes, const std::function<std::size_t(std::size_t)>& cut = whole) {
    run();
    while (!bytes.empty() && session_.wants_input()) {
      const auto size = std::min(std::max<std::size_t>(cut(bytes.size()), 1), bytes.size());
      lent_ = std::make_unique<std::string>(bytes.substr(0, size));
      bytes.remove_prefix(size);
      unread_ = !bytes.empty();
      session_.receive(*lent_);
      run();
    }
    unread_ = false;
  }
  static std::size_t whole(std::size_t size) { return size; }

  /// Performs effects until there are none; for events that tests tell the session themselves.
  void run() {
    for (;;) {
      auto effect = session_.next();
      if (std::holds_alternative<smtp::Wait>(effect)) break;
      std::visit([this](auto& one) { perform(one); }, effect);
      if (after_effect) after_effect(effect);
    }
    lent_.reset();
  }

  /// The message at hand is lost, at a moment of the test's choosing.
  void fail_message(smtp::Reply refusal) {
    open_.reset();
    session_.fail_message(std::move(refusal));
    run();
  }

  /// What the client saw since it was last asked for.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }
  /// Each reply sent, in order.
  [[nodiscard]] const std::vector<smtp::Reply>& replies() const { return replies_; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  [[nodiscard]] const std::vector<Message>& stored() const { return stored_; }
  [[nodiscard]] bool holds_message() const { return open_.has_value(); }
  /// What the effects were, one line each; text of a message appears when it is stored.
  [[nodiscard]] const std::string& trace() const { return trace_; }
  /// The responses that AskAuthentication brought, decoded.
  [[nodiscard]] const std::vector<std::string>& responses() const { return responses_; }
  [[nodiscard]] bool has_exchange() const { return exchange_; }

  /// Told of each effect that was performed.
  std::function<void(const smtp::Effect&)> after_effect;
  /// Answers where no list has one: "sender", "recipient", "verify", "begin", "bytes" (at a message's first), "end".
  std::function<std::optional<smtp::Reply>(std::string_view kind)> decide;
  std::function<Answers::Step()> decide_authentication;

 private:
  void note(std::string_view what) { trace_.append(what).append("\n"); }

  template <class Value>
  static std::optional<Value> take(std::deque<Value>& values) {
    if (values.empty()) return std::nullopt;
    auto value = std::move(values.front());
    values.pop_front();
    return value;
  }

  std::optional<smtp::Reply> answer_to(std::string_view kind, std::deque<smtp::Reply>& list) {
    auto reply = take(list);
    return reply || !decide ? reply : decide(kind);
  }

  void answer(std::optional<smtp::Reply> reply) {
    lent_.reset();
    if (!reply) return session_.accept();
    reply->is_refusal() ? session_.refuse(*std::move(reply)) : session_.accept(*std::move(reply));
  }

  void perform(smtp::Wait&) {}
  void perform(smtp::SendReply& effect) {
    ensure(!closed_, "nothing is sent after the end");
    effect.reply.append_to(output_);
    note(effect.reply.to_string());
    replies_.push_back(effect.reply);
  }
  void perform(smtp::AskSender& effect) {
    const auto& envelope = effect.envelope.get();
    ensure(envelope.recipients.empty(), "no recipients come before the sender");
    note("sender " + (envelope.sender ? envelope.sender->to_string() : "<>"));
    answer(answer_to("sender", answers_.sender));
  }
  void perform(smtp::AskRecipient& effect) {
    note("recipient " + effect.recipient.get().address.to_string());
    answer(answer_to("recipient", answers_.recipient));
  }
  void perform(smtp::AskVerify& effect) {
    note("verify " + std::string(effect.text));
    auto reply = answer_to("verify", answers_.verify);
    answer(reply ? reply : smtp::replies::not_verified());
  }
  void perform(smtp::AskClient& effect) {
    note("client " + (effect.command.get().address ? effect.command.get().address->to_string() : "unknown"));
    const auto user = effect.command.get().login.value_or("");
    lent_.reset();
    session_.client_named(user, true);
  }
  void perform(smtp::AskAuthentication& effect) {
    ensure(effect.is_first != exchange_, "an exchange is begun before it goes on");
    exchange_ = true;
    note("authentication " + std::string(effect.mechanism));
    responses_.emplace_back(effect.response ? effect.response->reveal() : "(none)");
    lent_.reset();
    auto answer = take(answers_.authentication);
    if (!answer && decide_authentication) answer = decide_authentication();
    if (auto* challenge = answer ? std::get_if<Answers::Challenge>(&*answer) : nullptr)
      return session_.challenge(challenge->octets);
    exchange_ = false;
    if (auto* user = answer ? std::get_if<Answers::User>(&*answer) : nullptr) return session_.authenticated(user->name);
    session_.refuse(answer ? std::get<smtp::Reply>(*std::move(answer)) : smtp::replies::authentication_failed());
  }
  void perform(smtp::DropAuthentication&) {
    ensure(exchange_, "an exchange that is dropped was begun");
    exchange_ = false;
    note("drop authentication");
  }
  void perform(smtp::StartTls& effect) {
    lent_.reset();
    if (unread_) return session_.plain_text_came();
    note("tls");
    effect.ready.append_to(output_);
    auto channel = answers_.tls.empty() ? smtp::Channel{.encrypted = true} : *take(answers_.tls);
    channel ? session_.tls_started(*channel) : session_.tls_failed();
  }
  void perform(smtp::BeginMessage& effect) {
    ensure(!open_, "a message is begun after the one before has ended");
    ensure(!effect.envelope.get().recipients.empty(), "a message has recipients");
    note("begin");
    auto reply = answer_to("begin", answers_.begin);
    if (!reply || !reply->is_refusal()) open_.emplace();
    answer(std::move(reply));
  }
  void perform(smtp::MessageBytes& effect) {
    ensure(open_.has_value(), "octets belong to a message that was begun");
    ensure(!effect.bytes.empty(), "there are octets to take");
    const bool is_first = open_->empty();
    open_->append(effect.bytes);
    auto refusal = is_first ? answer_to("bytes", answers_.bytes) : std::nullopt;
    if (refusal) {
      open_.reset();
      note("fail");
      session_.fail_message(*std::move(refusal));
    }
  }
  void perform(smtp::EndMessage& effect) {
    ensure(open_.has_value() && open_->size() == effect.octets, "the octets of a message are counted");
    auto reply = answer_to("end", answers_.end);
    note("end");
    if (!reply || !reply->is_refusal()) {
      note(*open_);
      stored_.push_back({std::move(effect.envelope.get()), *std::move(open_)});
    }
    open_.reset();
    answer(std::move(reply));
  }
  void perform(smtp::DropMessage&) {
    ensure(open_.has_value(), "a message that is dropped was begun");
    open_.reset();
    note("drop");
  }
  void perform(smtp::Close&) {
    ensure(!closed_ && !open_ && !exchange_, "the end comes once, and nothing is left behind");
    closed_ = true;
    note("close");
  }

  smtp::ServerSession session_;
  Answers answers_;
  std::unique_ptr<std::string> lent_;
  bool unread_ = false;
  std::string output_;
  std::vector<smtp::Reply> replies_;
  std::string trace_;
  std::vector<std::string> responses_;
  std::vector<Message> stored_;
  std::optional<std::string> open_;
  bool exchange_ = false;
  bool closed_ = false;
};

}  // namespace posthorn::testing
