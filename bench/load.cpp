// A load generator for SMTP, of its own so that every server is measured by the same hand: many sessions on one epoll loop,
// a connection for each message or many messages on one, pipelined (RFC 2920) or a command at a time. Counts a message
// only when its data was answered with 250. Prints one JSON object. With --hold it opens sessions, greets, and holds them
// until its standard input ends.
// It is no mail client: one reply that is not the expected one ends the connection and is counted as refused.
//
// usage: load --port N [--sessions 20] [--messages 1000] [--per-connection 1] [--size 4096] [--users 10] [--domain bench.test]
//             [--domains 1] [--pipelined yes] [--hold yes] [--limit 60]
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  std::uint64_t port = 0;
  std::uint64_t sessions = 20;
  std::uint64_t messages = 1000;
  std::uint64_t per_connection = 1;
  std::uint64_t size = 4096;
  std::uint64_t users = 10;
  std::uint64_t domains = 1;  // more: d0.DOMAIN, d1.DOMAIN, …
  std::uint64_t limit = 60;   // seconds
  std::string domain = "bench.test";
  bool pipelined = false;
  bool hold = false;
};

/// What all sessions share: the work left and what came of it.
struct Tally {
  explicit Tally(const Settings& wanted) : settings(wanted) {
    const std::string line(70, 'x');
    while (body.size() + line.size() + 2 < settings.size) body.append(line).append("\r\n");
  }

  [[nodiscard]] bool work_left() const { return started < settings.messages && refused <= settings.messages; }

  Settings settings;
  std::string body;
  std::uint64_t started = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::uint64_t greeted = 0;
  std::string last_refusal;
  std::vector<double> milliseconds;  // each message; from connect to the goodbye where a connection carries one
};

enum class Step : std::uint8_t { greeting, ehlo, mail, recipient, data, end, quit };

class Session {
 public:
  explicit Session(Tally& tally) : tally_(tally) {}
  Session(Session&& other) noexcept = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  Session& operator=(Session&&) = delete;
  ~Session() = default;

  /// A new connection. False: there is no more to do, or the server cannot be reached.
  bool open(int poll, std::size_t index) {
    if (!tally_.settings.hold && !tally_.work_left()) return false;
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(tally_.settings.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (tally_.settings.hold) come_from(static_cast<std::uint32_t>(index / 90));
    began_ = Clock::now();
    const int connected = connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.u64 = index}};
    if ((connected < 0 && errno != EINPROGRESS) || epoll_ctl(poll, EPOLL_CTL_ADD, descriptor_, &event) < 0) {
      refuse("connect");
      return false;
    }
    expected_ = {Step::greeting};
    sent_here_ = 0;
    return true;
  }

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  void on_readable(std::span<char> buffer) {
    while (is_open()) {
      const auto got = recv(descriptor_, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return refuse("connection lost");
      take({buffer.data(), static_cast<std::size_t>(got)});
      flush();
    }
  }

  void flush() {
    while (is_open() && !output_.empty()) {
      const auto sent = send(descriptor_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return refuse("connection lost");
      if (sent < 0) return;
      output_.erase(0, static_cast<std::size_t>(sent));
    }
  }

  void shut() {
    if (is_open()) ::close(std::exchange(descriptor_, -1));
    input_.clear();
    output_.clear();
    expected_.clear();
  }

 private:
  /// Held sessions come from many addresses: servers limit how many one may have.
  void come_from(std::uint32_t host) const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
    bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  void take(std::string_view bytes) {
    input_.append(bytes);
    std::size_t at = 0;
    while (is_open()) {
      const auto end = input_.find('\n', at);
      if (end == std::string::npos) break;
      const auto line = std::string_view(input_).substr(at, end - at);
      at = end + 1;
      if (line.size() > 3 && line[3] == '-') continue;
      on_reply(line);
    }
    if (is_open()) input_.erase(0, at);
  }

  void on_reply(std::string_view line) {
    if (expected_.empty()) return refuse(line);
    const auto step = expected_.front();
    expected_.pop_front();
    const char wanted = step == Step::data ? '3' : '2';
    if (line.empty() || line.front() != wanted) return refuse(line);
    go_on(step);
  }

  void go_on(Step step) {
    switch (step) {
      case Step::greeting:
        return ask(Step::ehlo, "EHLO load.bench.test\r\n");
      case Step::ehlo:
        return on_greeted();
      case Step::mail:
        return tally_.settings.pipelined ? void() : ask(Step::recipient, recipient());
      case Step::recipient:
        return tally_.settings.pipelined ? void() : ask(Step::data, "DATA\r\n");
      case Step::data:
        return send_content();
      case Step::end:
        return on_accepted();
      case Step::quit:
        return on_goodbye();
    }
  }

  void ask(Step step, std::string_view text) {
    output_ += text;
    expected_.push_back(step);
  }

  std::string recipient() {
    const auto& settings = tally_.settings;
    const auto part = settings.domains > 1 ? "d" + std::to_string(number_ % settings.domains) + "." : "";
    return "RCPT TO:<user" + std::to_string(number_ % settings.users) + "@" + part + settings.domain + ">\r\n";
  }

  void on_greeted() {
    ++tally_.greeted;
    if (!tally_.settings.hold) next_transaction();
  }

  /// MAIL (and, pipelined, all up to DATA), or QUIT.
  void next_transaction() {
    if (!tally_.work_left() || sent_here_ == tally_.settings.per_connection) return ask(Step::quit, "QUIT\r\n");
    number_ = tally_.started++;
    ++sent_here_;
    if (sent_here_ > 1) began_ = Clock::now();
    ask(Step::mail, "MAIL FROM:<sender@load.bench.test>\r\n");
    if (!tally_.settings.pipelined) return;
    ask(Step::recipient, recipient());
    ask(Step::data, "DATA\r\n");
  }

  void send_content() {
    const auto id = std::to_string(getpid()) + "." + std::to_string(number_);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    output_ += "From: <sender@load.bench.test>\r\nSubject: load\r\nMessage-ID: <" + id + "@load.bench.test>\r\n";
    output_ += "X-Sent: " + std::to_string(micros) + "\r\n\r\n";
    output_ += tally_.body;
    ask(Step::end, ".\r\n");
    if (tally_.settings.pipelined) next_transaction();
  }

  void on_accepted() {
    ++tally_.accepted;
    if (tally_.settings.per_connection > 1) note_time();
    if (!tally_.settings.pipelined) next_transaction();
  }

  void on_goodbye() {
    if (tally_.settings.per_connection == 1) note_time();
    shut();
  }

  void note_time() {
    tally_.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began_).count());
  }

  void refuse(std::string_view why) {
    ++tally_.refused;
    tally_.last_refusal = why;
    shut();
  }

  Tally& tally_;
  int descriptor_ = -1;
  std::string input_;
  std::string output_;
  std::deque<Step> expected_;
  std::uint64_t number_ = 0;
  std::uint64_t sent_here_ = 0;
  Clock::time_point began_;
};

class Load {
 public:
  explicit Load(Tally& tally) : tally_(tally), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    sessions_.reserve(tally.settings.sessions);
    for (std::uint64_t i = 0; i < tally.settings.sessions; ++i) sessions_.emplace_back(tally);
  }

  void run() {
    const auto deadline = Clock::now() + std::chrono::seconds(tally_.settings.limit);
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      open_ += sessions_[i].open(poll_, i) ? 1 : 0;
      if (tally_.settings.hold) turn(0);
    }
    while (open_ > 0 && Clock::now() < deadline && !all_held()) turn(100);
  }

 private:
  [[nodiscard]] bool all_held() const {
    return tally_.settings.hold && tally_.greeted + tally_.refused >= tally_.settings.sessions;
  }

  void turn(int wait_milliseconds) {
    std::array<epoll_event, 512> events{};
    const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), wait_milliseconds);
    for (int i = 0; i < count; ++i) {
      const auto& event = events.at(static_cast<std::size_t>(i));
      on_event(event.events, static_cast<std::size_t>(event.data.u64));
    }
  }

  void on_event(std::uint32_t what, std::size_t index) {
    auto& session = sessions_[index];
    if (!session.is_open()) return;
    if ((what & EPOLLOUT) != 0) session.flush();
    if ((what & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) session.on_readable(buffer_);
    if (!session.is_open() && (tally_.settings.hold || !session.open(poll_, index))) --open_;
  }

  Tally& tally_;
  int poll_;
  std::uint64_t open_ = 0;
  std::vector<Session> sessions_;
  std::array<char, 65536> buffer_{};
};

double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

void print(Tally& tally, double seconds) {
  auto& times = tally.milliseconds;
  std::ranges::sort(times);
  for (char& c : tally.last_refusal) c = (c >= ' ' && c < 0x7f && c != '"' && c != '\\') ? c : ' ';
  std::printf(
      "{\"accepted\": %llu, \"refused\": %llu, \"greeted\": %llu, \"seconds\": %.4f, \"rate\": %.1f, \"median_ms\": "
      "%.3f, \"p99_ms\": %.3f, "
      "\"worst_ms\": %.3f, \"last_refusal\": \"%s\"}\n",
      static_cast<unsigned long long>(tally.accepted), static_cast<unsigned long long>(tally.refused),
      static_cast<unsigned long long>(tally.greeted), seconds, static_cast<double>(tally.accepted) / seconds,
      percentile(times, 0.5), percentile(times, 0.99), times.empty() ? 0 : times.back(), tally.last_refusal.c_str());
  std::fflush(stdout);
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ptr != text.data() + text.size()) std::exit(64);
  return value;
}

bool set(Settings& settings, std::string_view option, std::string_view value) {
  if (option == "--port") return settings.port = number_of(value), true;
  if (option == "--sessions") return settings.sessions = number_of(value), true;
  if (option == "--messages") return settings.messages = number_of(value), true;
  if (option == "--per-connection") return settings.per_connection = number_of(value), true;
  if (option == "--size") return settings.size = number_of(value), true;
  if (option == "--users") return settings.users = number_of(value), true;
  if (option == "--domains") return settings.domains = number_of(value), true;
  if (option == "--limit") return settings.limit = number_of(value), true;
  if (option == "--domain") return settings.domain = value, true;
  if (option == "--pipelined") return settings.pipelined = value == "yes", true;
  if (option == "--hold") return settings.hold = value == "yes", true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!set(settings, argv[i], argv[i + 1])) return std::fprintf(stderr, "load: unknown option %s\n", argv[i]), 64;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  Tally tally(settings);
  Load load(tally);
  const auto start = Clock::now();
  load.run();
  print(tally, std::chrono::duration<double>(Clock::now() - start).count());
  if (settings.hold) {
    while (std::getchar() != EOF) {
    }
  }
  return tally.refused == 0 ? 0 : 1;
}
