#include "receiving_server.hpp"

#include <utility>

namespace posthorn::scenarios {

struct ReceivingServer::Session {
  Letter letter;
  bool in_data = false;
  bool ends = false;
};

ReceivingServer::ReceivingServer(sim::Loop& loop, sim::Network& network, Endpoint at)
    : loop_(loop), acceptor_(network.listen(at)), goes_on_(loop) {
  tasks_.start(accept());
}

world::Task<> ReceivingServer::accept() {
  while (true) {
    auto stream = co_await acceptor_->accept();
    if (!stream) co_return;
    ++sessions_;
    tasks_.start(serve(std::move(*stream)));
  }
}

world::Task<> ReceivingServer::serve(std::unique_ptr<world::Stream> stream) {
  Session session;
  std::string input;
  const auto greeting = answers_.contains("220") ? answers_["220"] : "220 sink.example ESMTP";
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
        if (reply == "cut") co_return;
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
  if (line.starts_with("EHLO")) return "250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME";
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
