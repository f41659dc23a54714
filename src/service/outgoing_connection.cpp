#include "service/outgoing_connection.hpp"

#include "base/assert.hpp"
#include "smtp/reply_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

constexpr std::string_view plain = "PLAIN";
constexpr std::string_view login = "LOGIN";

/// RFC 4616 §2.
std::string plain_response(const Credentials& credentials) {
  std::string response(1, '\0');
  response += credentials.user;
  response += '\0';
  response += credentials.password.reveal();
  return response;
}

constexpr std::size_t shown_garbage = 500;  // octets

/// As they came, without CRLF.
std::vector<std::string> lines_of(const smtp::PeerReply& reply) {
  std::vector<std::string> lines;
  for (const auto& text : reply.lines) {
    const bool is_last = lines.size() + 1 == reply.lines.size();
    lines.push_back(fmt::format("{}{}{}", reply.code, is_last ? ' ' : '-', text));
  }
  return lines;
}

}  // namespace

OutgoingConnection::OutgoingConnection(world::Loop& loop, std::unique_ptr<world::Stream> stream, std::string host,
                                       OutgoingSettings settings)
    : loop_(loop),
      stream_(std::move(stream)),
      host_(std::move(host)),
      settings_(std::move(settings)),
      session_(settings_.session) {}

world::Task<Sent> OutgoingConnection::send(smtp::ClientMessage message, TextSource& text) {
  done_.reset();
  idle_ = false;
  session_.send(std::move(message));
  co_await drive(&text);
  co_return Sent{std::move(*done_), end_};
}

world::Task<Result<>> OutgoingConnection::encrypt() {
  co_return co_await shake_hands(after(loop_.now(), settings_.session->timeout(smtp::Step::starttls)));
}

world::Task<std::optional<smtp::SessionEnd>> OutgoingConnection::open() {
  idle_ = false;
  co_await drive(nullptr);
  co_return end_;
}

world::Task<> OutgoingConnection::quit() {
  if (end_) co_return;
  idle_ = false;
  session_.quit();
  co_await drive(nullptr);
  stream_->close();
}

world::Task<Result<smtp::PeerReply>> OutgoingConnection::ask(std::string line) {
  ensure(idle_ && !end_, "the connection is between messages");
  const auto patience = settings_.session->timeout(smtp::Step::reset);
  const auto deadline = after(loop_.now(), patience);
  tell({.direction = smtp::DialogueLine::Direction::sent, .text = line});
  Result<smtp::PeerReply> reply;
  auto sent = co_await hear_nothing();
  if (sent) sent = co_await stream_->write(line + "\r\n", deadline);
  if (sent) {
    reply = co_await hear_reply(deadline);
  } else {
    reply = failure(std::move(sent.error()));
  }
  if (reply) co_return reply;
  stream_->close();
  if (reply.error().kind != Error::Kind::timed_out) co_return reply;
  co_return failure(Error::Kind::timed_out, fmt::format("no answer within {}", to_text(patience)));
}

world::Task<> OutgoingConnection::hang_up(std::string line) {
  tell({.direction = smtp::DialogueLine::Direction::sent, .text = line});
  const auto deadline = after(loop_.now(), settings_.session->timeout(smtp::Step::quit));
  // Whether the peer still listens decides nothing.
  static_cast<void>(co_await stream_->write(line + "\r\n", deadline));
  stream_->close();
}

std::string OutgoingConnection::take_dialogue() { return std::exchange(dialogue_, {}); }

world::Task<> OutgoingConnection::drive(TextSource* text) {
  while (!end_ && !idle_) co_await perform(session_.next(), text);
}

world::Task<> OutgoingConnection::perform(smtp::ClientEffect effect, TextSource* text) {
  if (!std::holds_alternative<smtp::AwaitReply>(effect)) reply_deadline_.reset();
  if (const auto* send = std::get_if<smtp::SendBytes>(&effect)) {
    co_await write(*send);
  } else if (const auto* await_reply = std::get_if<smtp::AwaitReply>(&effect)) {
    co_await read(await_reply->step);
  } else if (std::holds_alternative<smtp::NeedContent>(effect)) {
    co_await provide(text);
  } else if (std::holds_alternative<smtp::UpgradeToTls>(effect)) {
    co_await upgrade();
  } else if (const auto* question = std::get_if<smtp::StartAuthentication>(&effect)) {
    authenticate(*question);
  } else if (const auto* challenge = std::get_if<smtp::AnswerChallenge>(&effect)) {
    respond(*challenge);
  } else if (const auto* line = std::get_if<smtp::DialogueLine>(&effect)) {
    tell(*line);
  } else if (const auto* changed = std::get_if<smtp::StateChanged>(&effect)) {
    if (settings_.watcher != nullptr) settings_.watcher->on_state(changed->state);
  } else if (auto* done = std::get_if<smtp::MessageDone>(&effect)) {
    done_ = std::move(*done);
  } else if (std::holds_alternative<smtp::AwaitMessage>(effect)) {
    idle_ = true;
  } else if (auto* close = std::get_if<smtp::CloseConnection>(&effect)) {
    end_ = std::move(close->end);
    stream_->close();
  }
}

world::Task<bool> OutgoingConnection::heard_early() {
  if (!stream_->has_unread_bytes()) co_return false;
  const auto bytes = co_await stream_->read(loop_.now());
  // What came was for TLS itself, as session tickets are (RFC 8446 §4.6.1): the server has said nothing.
  if (!bytes && bytes.error().kind == Error::Kind::timed_out) co_return false;
  if (bytes && !bytes->empty()) {
    session_.spoke_early(*bytes);
  } else {
    session_.connection_lost(bytes ? "the server closed the connection" : bytes.error().text);
  }
  co_return true;
}

/// As heard_early(), outside a mail.
world::Task<Result<>> OutgoingConnection::hear_nothing() {
  if (!stream_->has_unread_bytes()) co_return Result<>{};
  const auto bytes = co_await stream_->read(loop_.now());
  if (!bytes && bytes.error().kind == Error::Kind::timed_out) co_return Result<>{};
  if (!bytes) co_return failure(bytes.error());
  if (bytes->empty()) co_return failure(Error::Kind::ended, "the server closed the connection");
  co_return failure(Error::Kind::invalid, fmt::format("the server answered before it was asked: {}", *bytes));
}

world::Task<Result<smtp::PeerReply>> OutgoingConnection::hear_reply(MonotonicTime deadline) {
  smtp::ReplyParser parser(
      {.line_octets = settings_.session->reply_line_octets, .lines = settings_.session->reply_lines});
  for (;;) {
    const auto bytes = co_await stream_->read(deadline);
    if (!bytes) co_return failure(bytes.error());
    if (bytes->empty()) co_return failure(Error::Kind::ended, "the server closed the connection");
    const auto taken = parser.read(*bytes);
    if (parser.fault()) tell_garbage(parser.line());
    if (parser.fault()) co_return failure(Error::Kind::invalid, "the server does not speak SMTP: that is no reply");
    if (!parser.has_reply()) continue;
    auto reply = parser.take();
    for (auto& line : lines_of(reply))
      tell({.direction = smtp::DialogueLine::Direction::received, .text = std::move(line)});
    if (taken < bytes->size())
      co_return failure(Error::Kind::invalid, fmt::format("more came than the reply: {}", bytes->substr(taken)));
    co_return reply;
  }
}

world::Task<> OutgoingConnection::write(const smtp::SendBytes& send) {
  if (send.expects_silence && co_await heard_early()) co_return;
  const auto deadline = after(loop_.now(), settings_.session->timeout(smtp::Step::body));
  const auto written = co_await stream_->write(send.bytes, deadline);
  if (written) co_return;
  if (written.error().kind == Error::Kind::timed_out) {
    session_.timed_out();
  } else {
    session_.write_failed(written.error().text);
  }
}

/// One deadline for the whole reply: a server that sends it octet by octet gains no time.
world::Task<> OutgoingConnection::read(smtp::Step step) {
  if (!reply_deadline_) reply_deadline_ = after(loop_.now(), settings_.session->timeout(step));
  const auto bytes = co_await stream_->read(*reply_deadline_);
  if (!bytes && bytes.error().kind == Error::Kind::timed_out) {
    session_.timed_out();
  } else if (!bytes) {
    session_.connection_lost(bytes.error().text);
  } else if (bytes->empty()) {
    session_.connection_lost("the server closed the connection");
  } else {
    session_.receive(*bytes);
    tell_garbage(session_.garbage());
  }
}

/// Whoever looks on is to see what it was that is no reply.
void OutgoingConnection::tell_garbage(std::string_view line) {
  if (line.empty()) return;
  tell({.direction = smtp::DialogueLine::Direction::received, .text = std::string(line.substr(0, shown_garbage))});
}

world::Task<> OutgoingConnection::provide(TextSource* text) {
  ensure(text != nullptr, "only a message asks for content");
  const auto piece = co_await text->next(loop_);
  if (!piece) {
    session_.message_failed(piece.error().text);
  } else if (piece->empty()) {
    session_.end_message();
  } else {
    if (settings_.watcher != nullptr) settings_.watcher->on_text(*piece);
    session_.provide(*piece);
  }
}

world::Task<> OutgoingConnection::upgrade() {
  if (co_await heard_early()) co_return;
  const auto done = co_await shake_hands(after(loop_.now(), settings_.session->timeout(smtp::Step::starttls)));
  if (done) {
    session_.tls_started();
  } else {
    session_.tls_failed(done.error().text);
  }
}

world::Task<Result<>> OutgoingConnection::shake_hands(MonotonicTime deadline) {
  auto facts = co_await stream_->start_tls(settings_.tls, deadline);
  if (!facts) co_return failure(std::move(facts.error()));
  const bool must_verify = settings_.tls.verify != world::TlsClientPolicy::Verify::nothing;
  if (must_verify && !facts->peer_verified) co_return failure(Error::Kind::tls, facts->verify_error);
  tls_ = std::move(*facts);
  if (settings_.watcher != nullptr) settings_.watcher->on_tls(*tls_);
  co_return Result<>{};
}

void OutgoingConnection::authenticate(const smtp::StartAuthentication& question) {
  const auto offers = [&](std::string_view name) {
    return std::ranges::find(question.mechanisms, name) != question.mechanisms.end();
  };
  if (!settings_.credentials) {
    session_.cannot_authenticate("no user and password are set for this host");
  } else if (offers(plain)) {
    session_.authenticate(plain, Secret{plain_response(*settings_.credentials)});
  } else if (offers(login)) {
    session_.authenticate(login, std::nullopt);
  } else {
    session_.cannot_authenticate("the server offers no mechanism that we know (PLAIN, LOGIN)");
  }
}

/// LOGIN asks for the name, then for the password; PLAIN asks when it took no initial response.
void OutgoingConnection::respond(const smtp::AnswerChallenge& question) {
  if (question.octets.starts_with("User") || question.octets.starts_with("user")) {
    session_.respond(Secret{settings_.credentials->user});
  } else if (question.octets.empty()) {
    session_.respond(Secret{plain_response(*settings_.credentials)});
  } else {
    session_.respond(settings_.credentials->password);
  }
}

void OutgoingConnection::tell(const smtp::DialogueLine& line) {
  if (settings_.watcher != nullptr) settings_.watcher->on_line(line);
  keep(line);
}

void OutgoingConnection::keep(const smtp::DialogueLine& line) {
  if (dialogue_.size() + line.text.size() > settings_.dialogue_octets) return;
  dialogue_ += line.direction == smtp::DialogueLine::Direction::sent ? ">>> " : "<<< ";
  dialogue_ += line.text;
  dialogue_ += '\n';
}

}  // namespace posthorn::service
