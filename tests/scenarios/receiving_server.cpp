#include "receiving_server.hpp"

#include "world/wait.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::scenarios {

struct ReceivingServer::Session {
  Letter letter;
  bool in_data = false;
  bool ends = false;
};

namespace {

bool is_misbehaviour(std::string_view reply) {
  return reply == "cut" || reply == "hang" || reply == "endless" || reply.starts_with("half ");
}

}  // namespace

ReceivingServer::ReceivingServer(sim::Loop& loop, sim::Network& network, Endpoint at)
    : loop_(loop), acceptor_(network.listen(at)), goes_on_(loop) {
  tasks_.start(accept());
}

world::Task<> ReceivingServer::accept() {
  while (true) {
    auto stream = co_await acceptor_->accept();
    if (!stream) co_return;
    ++sessions_;
    tasks_.start([](ReceivingServer& self, std::unique_ptr<world::Stream> taken) -> world::Task<> {
      while (self.open_ >= self.most_sessions_) {
        co_await world::sleep_until(self.loop_, after(self.loop_.now(), std::chrono::milliseconds{100}));
      }
      self.most_open_ = std::max(self.most_open_, ++self.open_);
      co_await self.serve(std::move(taken));
      --self.open_;
    }(*this, std::move(*stream)));
  }
}

world::Task<> ReceivingServer::serve(std::unique_ptr<world::Stream> stream) {
  Session session;
  std::string input;
  const auto greeting = answers_.contains("220") ? answers_["220"] : "220 sink.example ESMTP";
  if (is_misbehaviour(greeting)) co_return co_await misbehave(*stream, greeting);
  std::string out = greeting + "\r\n";
  while (true) {
    if (!co_await stream->write(out, after(loop_.now(), std::chrono::hours{1}))) co_return;
    if (session.ends) co_return;
    out.clear();
    while (out.empty()) {
      for (auto end = input.find("\r\n"); end != std::string::npos; end = input.find("\r\n")) {
        const auto line = input.substr(0, end);
        input.erase(0, end + 2);
        if (is_stalled(session, line)) co_await goes_on_.wait(after(loop_.now(), std::chrono::hours{1}));
        const auto reply = reply_to(session, line);
        if (is_misbehaviour(reply)) {
          if (!out.empty() && !co_await stream->write(out, after(loop_.now(), std::chrono::hours{1}))) co_return;
          co_return co_await misbehave(*stream, reply);
        }
        if (!reply.empty()) out += reply + "\r\n";
      }
      if (!out.empty()) break;
      const auto bytes = co_await stream->read(after(loop_.now(), std::chrono::hours{1}));
      if (!bytes || bytes->empty()) co_return;
      input += *bytes;
    }
  }
}

void ReceivingServer::stall(std::string command) {
  stalled_ = std::move(command);
  goes_on_.clear();
}

void ReceivingServer::go_on() {
  stalled_.clear();
  goes_on_.set();
}

bool ReceivingServer::is_stalled(const Session& session, std::string_view line) const {
  if (stalled_.empty()) return false;
  return session.in_data ? line == stalled_ : line.starts_with(stalled_);
}

/// Returns when the other side has given up.
world::Task<> ReceivingServer::misbehave(world::Stream& stream, std::string how) {
  const auto deadline = after(loop_.now(), std::chrono::days{1});
  if (how == "cut") co_return;
  if (how.starts_with("half ") && !co_await stream.write(how.substr(5), deadline)) co_return;
  while (how == "endless") {
    if (!co_await stream.write("250-and so on\r\n", deadline)) co_return;
    co_await world::sleep_until(loop_, after(loop_.now(), std::chrono::milliseconds{10}));
  }
  while (true) {
    const auto bytes = co_await stream.read(deadline);
    if (!bytes || bytes->empty()) co_return;
  }
}

std::string ReceivingServer::reply_to(Session& session, std::string_view line) {
  if (session.in_data && line != ".") {
    session.letter.text += std::string(line.starts_with('.') ? line.substr(1) : line) + "\r\n";
    return {};
  }
  if (session.in_data) {
    session.in_data = false;
    const auto set = answers_.find(".");
    if (set == answers_.end()) letters_.push_back(session.letter);
    session.letter.text.clear();
    if (cut_after_dot_) return "cut";
    return set == answers_.end() ? "250 2.0.0 taken" : set->second;
  }
  for (const auto& [command, reply] : answers_) {
    if (line.starts_with(command)) return reply;
  }
  if (line.starts_with("EHLO")) {
    std::string answer = keywords_.empty() ? "250 sink.example" : "250-sink.example";
    for (const auto& keyword : keywords_) answer += (&keyword == &keywords_.back() ? "\r\n250 " : "\r\n250-") + keyword;
    return answer;
  }
  if (line.starts_with("MAIL")) session.letter = {.sender = std::string(line), .recipients = {}, .text = {}};
  if (line.starts_with("RCPT")) session.letter.recipients.emplace_back(line.substr(8));
  if (line == "DATA") {
    if (session.letter.recipients.empty()) return "554 5.5.1 no valid recipients";
    session.in_data = true;
    return "354 go on";
  }
  session.ends = line == "QUIT";
  return session.ends ? "221 bye" : "250 2.0.0 ok";
}

}  // namespace posthorn::scenarios
