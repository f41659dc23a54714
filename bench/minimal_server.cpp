// The minimal durable server: the limit that `make bench` holds Posthorn against. A plain server (plain_server.hpp) that says
// 250 to a message only when a record that holds it is synced: a commit thread writes what gathered meanwhile in one pwrite
// and one fdatasync into a log that was written once in full and is overwritten in place, in a circle.
// Not a mail server: it delivers nothing, and forgets what the circle overtakes.
//
// usage: minimal_server PORT LOG_FILE [LOG_MIB]
#include "plain_server.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>

namespace posthorn::bench {
namespace {

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

  [[nodiscard]] static std::string report() { return "kept in a log"; }
  [[nodiscard]] int wake_descriptor() const { return wake_loop_.number(); }

  void hand_over(std::vector<Message>& gathered) {
    if (gathered.empty()) return;
    {
      const std::scoped_lock lock(mutex_);
      std::ranges::move(gathered, std::back_inserter(waiting_));
    }
    gathered.clear();
    more_.notify_one();
  }

  [[nodiscard]] std::vector<Message> take_kept() {
    std::uint64_t count = 0;
    if (read(wake_loop_.number(), &count, sizeof count) < 0 && errno != EAGAIN) give_up("read eventfd");
    const std::scoped_lock lock(mutex_);
    return std::exchange(kept_, {});
  }

 private:
  [[noreturn]] void run() {
    for (;;) {
      std::vector<Message> batch;
      {
        std::unique_lock lock(mutex_);
        more_.wait(lock, [this] { return !waiting_.empty(); });
        batch.swap(waiting_);
      }
      write_batch(batch);
      tell(std::move(batch));
    }
  }

  void write_batch(const std::vector<Message>& batch) {
    buffer_.clear();
    for (const auto& message : batch) {
      const std::array<std::uint32_t, 2> head = {static_cast<std::uint32_t>(message.content.size()),
                                                 crc32c(message.content)};
      buffer_.append(std::string_view(reinterpret_cast<const char*>(head.data()), sizeof head)).append(message.content);
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

  void tell(std::vector<Message> batch) {
    {
      const std::scoped_lock lock(mutex_);
      std::ranges::move(batch, std::back_inserter(kept_));
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
  std::vector<Message> waiting_;
  std::vector<Message> kept_;
};

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  if (argc < 3) {
    std::fprintf(stderr, "usage: minimal_server PORT LOG_FILE [LOG_MIB]\n");
    return 64;
  }
  open_many_files();
  CommitLog log(argv[2], number_of(argc > 3 ? argv[3] : "256") << 20);
  const auto server = std::make_unique<Server<CommitLog>>(static_cast<std::uint16_t>(number_of(argv[1])), log);
  std::fprintf(stderr, "minimal_server ready 127.0.0.1:%s\n", argv[1]);
  server->run();
}
