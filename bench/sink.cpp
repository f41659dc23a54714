// Where the relay rows of `make bench` end: a plain server (plain_server.hpp) that counts messages and throws them away. The
// generator writes the time into each ("X-Sent: microseconds since 1970"); HELP tells how many came and how long they
// were under way.
//
// usage: sink PORT
#include "plain_server.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>

namespace posthorn::bench {
namespace {

/// Milliseconds between the X-Sent field and now; none without the field.
void note_latency(std::string_view content, std::vector<double>& milliseconds) {
  constexpr std::string_view field = "\r\nX-Sent: ";
  const auto found = content.find(field);
  if (found == std::string_view::npos) return;
  const auto* digits = content.data() + found + field.size();
  std::int64_t sent = 0;
  if (std::from_chars(digits, content.data() + content.size(), sent).ec != std::errc{}) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now).count() - sent;
  milliseconds.push_back(static_cast<double>(micros) / 1000);
}

class Counter {
 public:
  Counter() : wake_loop_(checked(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {}

  [[nodiscard]] int wake_descriptor() const { return wake_loop_.number(); }

  void hand_over(std::vector<Message>& gathered) {
    if (gathered.empty()) return;
    for (auto& message : gathered) {
      ++count_;
      note_latency(message.content, milliseconds_);
      kept_.push_back({message.session, message.generation, {}});
    }
    gathered.clear();
    const std::uint64_t one = 1;
    if (write(wake_loop_.number(), &one, sizeof one) < 0) give_up("write eventfd");
  }

  [[nodiscard]] std::vector<Message> take_kept() {
    std::uint64_t count = 0;
    if (read(wake_loop_.number(), &count, sizeof count) < 0 && errno != EAGAIN) give_up("read eventfd");
    return std::exchange(kept_, {});
  }

  /// "COUNT MEDIAN P99 WORST", times in milliseconds, of all messages so far.
  [[nodiscard]] std::string report() {
    std::ranges::sort(milliseconds_);
    const auto part = [this](double share) {
      const auto at = static_cast<std::size_t>(share * static_cast<double>(milliseconds_.size()));
      return milliseconds_.empty() ? 0.0 : milliseconds_[std::min(at, milliseconds_.size() - 1)];
    };
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), "%llu %.3f %.3f %.3f", static_cast<unsigned long long>(count_), part(0.5),
                  part(0.99), part(1.0));
    return text.data();
  }

 private:
  Descriptor wake_loop_;
  std::uint64_t count_ = 0;
  std::vector<double> milliseconds_;
  std::vector<Message> kept_;
};

}  // namespace
}  // namespace posthorn::bench

int main(int argc, char** argv) {
  using namespace posthorn::bench;
  if (argc < 2) {
    std::fprintf(stderr, "usage: sink PORT\n");
    return 64;
  }
  open_many_files();
  Counter counter;
  const auto server = std::make_unique<Server<Counter>>(static_cast<std::uint16_t>(number_of(argv[1])), counter);
  std::fprintf(stderr, "sink ready 127.0.0.1:%s\n", argv[1]);
  server->run();
}
