// The minimal durable server: the limit that `make bench` holds Posthorn against. It answers SMTP without looking at more
// than the first letters of a command, and says 250 to a message only when a record that holds it is synced. One epoll loop
// takes what came, one commit thread writes what gathered meanwhile in one pwrite and one fdatasync into a log that was
// written once in full and is overwritten in place, in a circle.
// Not a mail server: it checks no address, undoes no dot-stuffing, delivers nothing, and forgets what the circle overtakes.
//
// usage: minimal_server PORT LOG_FILE [LOG_MIB]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t largest_buffer = std::size_t{64} << 20;

[[noreturn]] void give_up(const char* doing) {
  std::perror(doing);
  std::_Exit(1);
}

int checked(int result, const char* doing) {
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

/// A message on its way to the disk, and who waits for it.
struct Commit {
  int session = -1;
  std::uint64_t generation = 0;
  std::string content;
};

__attribute__((target("sse4.2"))) std::uint32_t crc32c(std::string_view bytes) {
  std::uint64_t crc = 0xffffffff;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  for (const char c : bytes)
    crc = __builtin_ia32_crc32qi(static_cast<std::uint32_t>(crc), static_cast<unsigned char>(c));
  return ~static_cast<std::uint32_t>(crc);
}

/// The log: length, check and content of each message; and the thread that writes it.
class CommitLog {
 public:
  CommitLog(const char* path, std::uint64_t size)
      : file_(checked(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), path)),
        wake_loop_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")),
        size_(size) {
    const std::string zeros(std::size_t{1} << 20, '\0');
    for (std::uint64_t at = 0; at < size; at += zeros.size()) write_all(zeros, at);
    checked(fsync(file_.number()), "fsync");
    std::thread([this] { run(); }).detach();
  }

  [[nodiscard]] int wake_descriptor() const { return wake_loop_.number(); }

  void hand_over(std::vector<Commit>& gathered) {
    if (gathered.empty()) return;
    {
      const std::scoped_lock lock(mutex_);
      std::ranges::move(gathered, std::back_inserter(waiting_));
    }
    gathered.clear();
    more_.notify_one();
  }

  [[nodiscard]] std::vector<Commit> take_done() {
    std::uint64_t count = 0;
    if (read(wake_loop_.number(), &count, sizeof count) < 0 && errno != EAGAIN) give_up("read eventfd");
    const std::scoped_lock lock(mutex_);
    return std::exchange(done_, {});
  }

 private:
  [[noreturn]] void run() {
    for (;;) {
      std::vector<Commit> batch;
      {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [this] { return !waiting_.empty(); });
        batch.swap(waiting_);
      }
      write_batch(batch);
      tell(std::move(batch));
    }
  }

  void write_batch(const std::vector<Commit>& batch) {
    buffer_.clear();
    for (const auto& commit : batch) {
      const std::array<std::uint32_t, 2> head = {static_cast<std::uint32_t>(commit.content.size()),
                                                 crc32c(commit.content)};
      buffer_.append(std::string_view(reinterpret_cast<const char*>(head.data()), sizeof head)).append(commit.content);
    }
    if (position_ + buffer_.size() > size_) position_ = 0;
    if (buffer_.size() > size_) give_up("a batch larger than the log");
    write_all(buffer_, position_);
    checked(fdatasync(file_.number()), "fdatasync");
    position_ += buffer_.size();
  }

  void write_all(std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
      const auto written = pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(at));
      if (written < 0) give_up("pwrite");
      bytes.remove_prefix(static_cast<std::size_t>(written));
      at += static_cast<std::uint64_t>(written);
    }
  }

  void tell(std::vector<Commit> batch) {
    {
      const std::scoped_lock lock(mutex_);
      std::ranges::move(batch, std::back_inserter(done_));
    }
    const std::uint64_t one = 1;
    if (write(wake_loop_.number(), &one, sizeof one) < 0) give_up("write eventfd");
  }

  Descriptor file_;
  Descriptor wake_loop_;
  std::uint64_t size_;
  std::uint64_t position_ = 0;
  std::string buffer_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Commit> waiting_;
  std::vector<Commit> done_;
};

/// One connection. Input waits while a message of it is being committed.
class Session {
 public:
  Session(Descriptor socket, std::uint64_t generation) : socket_(std::move(socket)), generation_(generation) {
    output_ = "220 minimal ESMTP\r\n";
  }

  [[nodiscard]] bool is(std::uint64_t generation) const { return generation == generation_; }
  [[nodiscard]] bool over() const { return over_; }

  /// Takes bytes that came; none: the peer has gone.
  void take(std::string_view bytes, std::vector<Commit>& commits) {
    if (bytes.empty() || input_.size() + message_.size() + bytes.size() > largest_buffer) over_ = true;
    if (input_.empty() && !committing_) {
      input_.assign(bytes.substr(use(bytes, commits)));
    } else {
      input_.append(bytes);
      if (!committing_) input_.erase(0, use(input_, commits));
    }
    send_replies();
  }

  void committed(std::vector<Commit>& commits) {
    committing_ = false;
    output_ += "250 2.0.0 kept\r\n";
    if (!input_.empty()) input_.erase(0, use(input_, commits));
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
  std::size_t use(std::string_view bytes, std::vector<Commit>& commits) {
    const auto all = bytes.size();
    while (!bytes.empty() && !committing_ && !quitting_) {
      const auto used = in_data_ ? use_data(bytes, commits) : use_line(bytes);
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
    if (verb == "QUIT") return quitting_ = true, "221 2.0.0 bye\r\n";
    const bool known = verb == "HELO" || verb == "MAIL" || verb == "RCPT" || verb == "RSET" || verb == "NOOP";
    return known ? "250 2.0.0 ok\r\n" : "500 5.5.2 unknown\r\n";
  }

  std::size_t use_data(std::string_view bytes, std::vector<Commit>& commits) {
    const auto before = message_.size();
    message_.append(bytes);
    const auto from = before < 4 ? 0 : before - 4;
    const auto found = message_.starts_with(".\r\n") ? 0 : message_.find("\r\n.\r\n", from);
    if (found == std::string::npos) return bytes.size();
    const auto end = found == 0 && message_.front() == '.' ? 3 : found + 5;
    message_.resize(end);
    commits.push_back({socket_.number(), generation_, std::exchange(message_, {})});
    in_data_ = false;
    committing_ = true;
    return end - before;
  }

  Descriptor socket_;
  std::uint64_t generation_;
  std::string input_;
  std::string output_;
  std::string message_;
  bool in_data_ = false;
  bool committing_ = false;
  bool quitting_ = false;
  bool over_ = false;
};

class Server {
 public:
  Server(std::uint16_t port, CommitLog& log)
      : log_(log),
        poll_(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
        listener_(checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    const int on = 1;
    checked(setsockopt(listener_.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    checked(bind(listener_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    checked(listen(listener_.number(), 4096), "listen");
    watch(listener_.number(), EPOLLIN);
    watch(log_.wake_descriptor(), EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events{};
    for (;;) {
      const int count = epoll_wait(poll_.number(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) on_event(events.at(static_cast<std::size_t>(i)));
      log_.hand_over(commits_);
    }
  }

 private:
  void watch(int descriptor, std::uint32_t what) {
    epoll_event event{.events = what, .data = {.fd = descriptor}};
    checked(epoll_ctl(poll_.number(), EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
  }

  void on_event(const epoll_event& event) {
    if (event.data.fd == listener_.number()) return accept_all();
    if (event.data.fd == log_.wake_descriptor()) return tell_sessions();
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
      session.take({shared_buffer_.data(), got < 0 ? 0 : static_cast<std::size_t>(got)}, commits_);
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
    for (const auto& commit : log_.take_done()) {
      auto& session = sessions_.at(static_cast<std::size_t>(commit.session));
      if (!session || !session->is(commit.generation)) continue;
      session->committed(commits_);
      if (session->over()) session.reset();
    }
  }

  CommitLog& log_;
  Descriptor poll_;
  Descriptor listener_;
  std::uint64_t generation_ = 0;
  std::vector<Commit> commits_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::array<char, std::size_t{64} << 10> shared_buffer_{};
};

std::uint64_t number_of(const char* text) {
  std::uint64_t value = 0;
  const auto end = text + std::strlen(text);
  if (std::from_chars(text, end, value).ptr != end) std::_Exit(64);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: minimal_server PORT LOG_FILE [LOG_MIB]\n");
    return 64;
  }
  rlimit files{};
  checked(getrlimit(RLIMIT_NOFILE, &files), "getrlimit");
  files.rlim_cur = files.rlim_max;
  checked(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  CommitLog log(argv[2], number_of(argc > 3 ? argv[3] : "256") << 20);
  const auto server = std::make_unique<Server>(static_cast<std::uint16_t>(number_of(argv[1])), log);
  std::fprintf(stderr, "minimal_server ready 127.0.0.1:%s\n", argv[1]);
  server->run();
}
