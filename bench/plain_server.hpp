// An SMTP server that looks at nothing past the first letters of a command: one epoll loop, replies at once, and 250 to a
// message when the keeper says that it is kept. The frame of minimal_server and of sink. It checks no address and undoes no
// dot-stuffing.
//
// A keeper has: void hand_over(std::vector<Message>&), which takes them all; int wake_descriptor(), readable when some are
// kept; std::vector<Message> take_kept(); std::string report(), the answer to HELP.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::bench {

inline constexpr std::size_t largest_buffer = std::size_t{64} << 20;

[[noreturn]] inline void give_up(const char* doing) {
  std::perror(doing);
  std::_Exit(1);
}

inline int checked(int result, const char* doing) {
  if (result < 0) give_up(doing);
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// A message on its way to the keeper, and who waits for it.
struct Message {
  int session = -1;
  std::uint64_t generation = 0;
  std::string content;
};

inline std::uint64_t number_of(const char* text) {
  std::uint64_t value = 0;
  const auto end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end) std::_Exit(64);
  return value;
}

/// As many descriptors as the system gives.
inline void open_many_files() {
  rlimit files{};
  checked(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
  files.rlim_cur = files.rlim_max;
  checked(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
}

/// One connection. Input waits until a message of it is kept.
class Session {
 public:
  Session(Descriptor socket, std::uint64_t generation) : socket_(std::move(socket)), generation_(generation) {
    output_ = "220 minimal ESMTP\r\n";
  }

  [[nodiscard]] bool is(std::uint64_t generation) const { return generation == generation_; }
  [[nodiscard]] bool over() const { return over_; }
  /// Whether HELP was asked since the last answer to it.
  [[nodiscard]] bool asks_report() const { return asks_report_; }
  void answer_report(std::string_view report) {
    asks_report_ = false;
    output_.append("214 ").append(report).append("\r\n");
    send_replies();
  }

  /// Takes bytes that came; none: the peer has gone.
  void take(std::string_view bytes, std::vector<Message>& messages) {
    if (bytes.empty() || input_.size() + message_.size() + bytes.size() > largest_buffer) over_ = true;
    if (input_.empty() && !waiting_) {
      input_.assign(bytes.substr(use(bytes, messages)));
    } else {
      input_.append(bytes);
      if (!waiting_) input_.erase(0, use(input_, messages));
    }
    send_replies();
  }

  void kept(std::vector<Message>& messages) {
    waiting_ = false;
    output_ += "250 2.0.0 kept\r\n";
    if (!input_.empty()) input_.erase(0, use(input_, messages));
    send_replies();
  }

  void send_replies() {
    while (!output_.empty() && !over_) {
      const auto sent = send(socket_.number(), output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) over_ = true;
      output_.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
    }
    if (output_.empty()) std::string().swap(output_);
    if (quitting_ && output_.empty()) over_ = true;
  }

 private:
  /// How many octets of `bytes` were used up.
  std::size_t use(std::string_view bytes, std::vector<Message>& messages) {
    const auto all = bytes.size();
    while (!bytes.empty() && !waiting_ && !quitting_) {
      const auto used = in_data_ ? use_data(bytes, messages) : use_line(bytes);
      if (used == 0) break;
      bytes.remove_prefix(used);
    }
    return all - bytes.size();
  }

  std::size_t use_line(std::string_view bytes) {
    const auto end = bytes.find("\r\n");
    if (end == std::string_view::npos) return 0;
    output_ += reply_to(bytes.substr(0, end));
    return end + 2;
  }

  std::string_view reply_to(std::string_view line) {
    std::string verb(line.substr(0, 4));
    for (char& c : verb) c = static_cast<char>(c & ~0x20);
    if (verb == "EHLO") return "250-minimal\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
    if (verb == "DATA") return in_data_ = true, "354 go on\r\n";
    if (verb == "HELP") return asks_report_ = true, "";
    if (verb == "QUIT") return quitting_ = true, "221 2.0.0 bye\r\n";
    const bool known = verb == "HELO" || verb == "MAIL" || verb == "RCPT" || verb == "RSET" || verb == "NOOP";
    return known ? "250 2.0.0 ok\r\n" : "500 5.5.2 unknown\r\n";
  }

  std::size_t use_data(std::string_view bytes, std::vector<Message>& messages) {
    const auto before = message_.size();
    message_.append(bytes);
    const auto from = before < 4 ? 0 : before - 4;
    const auto found = message_.starts_with(".\r\n") ? 0 : message_.find("\r\n.\r\n", from);
    if (found == std::string::npos) return bytes.size();
    const auto end = found == 0 && message_.front() == '.' ? 3 : found + 5;
    message_.resize(end);
    messages.push_back({socket_.number(), generation_, std::exchange(message_, {})});
    in_data_ = false;
    waiting_ = true;
    return end - before;
  }

  Descriptor socket_;
  std::uint64_t generation_;
  std::string input_;
  std::string output_;
  std::string message_;
  bool in_data_ = false;
  bool waiting_ = false;
  bool quitting_ = false;
  bool asks_report_ = false;
  bool over_ = false;
};

template <class Keeper>
class Server {
 public:
  Server(std::uint16_t port, Keeper& keeper)
      : keeper_(keeper),
        poll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    const int on = 1;
    checked(setsockopt(listener_.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_ANY);  // all of 127.0.0.0/8, and nothing but the loopback interface
    checked(setsockopt(listener_.number(), SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), "SO_BINDTODEVICE");
    checked(bind(listener_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    checked(listen(listener_.number(), 4096), "listen");
    watch(listener_.number(), EPOLLIN);
    watch(keeper_.wake_descriptor(), EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    for (;;) {
      const int count = epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) on_event(events.at(static_cast<std::size_t>(i)));
      keeper_.hand_over(messages_);
    }
  }

 private:
  void watch(int descriptor, std::uint32_t what) {
    epoll_event event{.events = what, .data = {.fd = descriptor}};
    checked(epoll_ctl(poll_.number(), EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
  }

  void on_event(const epoll_event& event) {
    if (event.data.fd == listener_.number()) return accept_all();
    if (event.data.fd == keeper_.wake_descriptor()) return tell_sessions();
    const auto index = static_cast<std::size_t>(event.data.fd);
    auto& session = sessions_.at(index);
    if (!session) return;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_from(*session, event.data.fd);
    if ((event.events & EPOLLOUT) != 0) session->send_replies();
    if (session->over()) session.reset();
  }

  void read_from(Session& session, int descriptor) {
    ssize_t got = 0;
    do {
      got = recv(descriptor, shared_buffer_.data(), shared_buffer_.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      session.take({shared_buffer_.data(), got < 0 ? 0 : static_cast<std::size_t>(got)}, messages_);
      if (session.asks_report()) session.answer_report(keeper_.report());
    } while (got == static_cast<ssize_t>(shared_buffer_.size()) && !session.over());
  }

  void accept_all() {
    for (;;) {
      const int descriptor = accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) return;
      const int on = 1;
      checked(setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
      const auto index = static_cast<std::size_t>(descriptor);
      if (sessions_.size() <= index) sessions_.resize(index + 1);
      sessions_[index] = std::make_unique<Session>(Descriptor(descriptor), ++generation_);
      watch(descriptor, EPOLLIN | EPOLLOUT | EPOLLET);
      sessions_[index]->send_replies();
    }
  }

  void tell_sessions() {
    for (const auto& message : keeper_.take_kept()) {
      auto& session = sessions_.at(static_cast<std::size_t>(message.session));
      if (!session || !session->is(message.generation)) continue;
      session->kept(messages_);
      if (session->over()) session.reset();
    }
  }

  Keeper& keeper_;
  Descriptor poll_;
  Descriptor listener_;
  std::uint64_t generation_ = 0;
  std::vector<Message> messages_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::array<char, std::size_t{64} << 10> shared_buffer_{};
};

}  // namespace posthorn::bench
