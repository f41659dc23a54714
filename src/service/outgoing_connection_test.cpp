#include "service/outgoing_connection.hpp"

#include "sim/loop.hpp"
#include "world/task_group.hpp"

#include <gtest/gtest.h>

#include <deque>

namespace posthorn::service {
namespace {

/// A server inside TLS that is done with the handshake: what it wrote last was for TLS itself (session tickets,
/// RFC 8446 §4.6.1), so there are octets to read and no text in them.
class TicketStream final : public world::Stream {
 public:
  explicit TicketStream(std::string& written) : written_(written) {}

  world::Task<Result<std::string_view>> read(MonotonicTime /*deadline*/) override {
    if (std::exchange(has_ticket_, false)) co_return failure(Error::Kind::timed_out, "read: nothing came in time");
    current_ = std::move(replies_.front());
    replies_.pop_front();
    has_ticket_ = true;
    co_return std::string_view{current_};
  }
  world::Task<Result<>> write(std::string_view bytes, MonotonicTime /*deadline*/) override {
    written_ += bytes;
    co_return Result<>{};
  }
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsServerPolicy /*policy*/,
                                                 MonotonicTime /*deadline*/) override {
    co_return failure(Error::Kind::unsupported, "TLS is there");
  }
  world::Task<Result<world::TlsFacts>> start_tls(world::TlsClientPolicy /*policy*/,
                                                 MonotonicTime /*deadline*/) override {
    co_return failure(Error::Kind::unsupported, "TLS is there");
  }
  bool has_unread_bytes() override { return has_ticket_; }
  void put_back(std::string /*bytes*/) override {}
  void interrupt_read() override {}
  void end_writing() override {}
  void close() override {}
  [[nodiscard]] world::PeerAddress peer() const override { return world::UnixPath{}; }
  [[nodiscard]] world::PeerAddress local() const override { return world::UnixPath{}; }
  [[nodiscard]] Result<unsigned> peer_user() const override { return failure(Error::Kind::unsupported, "no account"); }

 private:
  std::string& written_;
  std::deque<std::string> replies_{"220 mx.far.test\r\n", "250 mx.far.test\r\n"};
  std::string current_;
  bool has_ticket_ = false;
};

TEST(OutgoingConnection, OctetsOfTlsItselfAreNoEarlyTalk) {
  sim::Loop loop{1};
  smtp::ClientSettings settings;
  settings.hello_name = "mx.example.test";
  settings.tls_from_first_byte = true;
  std::string written;
  OutgoingConnection connection{
      loop,
      std::make_unique<TicketStream>(written),
      "mx.far.test",
      {.session = std::make_shared<const smtp::ClientSettings>(settings), .tls = {}, .credentials = {}}};
  std::optional<smtp::SessionEnd> end;
  world::TaskGroup tasks;
  tasks.start([](OutgoingConnection& opened, std::optional<smtp::SessionEnd>& told) -> world::Task<> {
    told = co_await opened.open();
  }(connection, end));
  loop.run_for(std::chrono::seconds{1});
  EXPECT_FALSE(end) << end->text;
  EXPECT_EQ(written, "EHLO mx.example.test\r\n");
  EXPECT_TRUE(connection.is_usable());
}

}  // namespace
}  // namespace posthorn::service
