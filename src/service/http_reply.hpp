// Reads the answer to an HTTP/1.1 request (RFC 9112 §6, §7.1), for the commands that speak to the control interface: status, then
// the body as it comes, whole only when its end was told. Bounded; no socket, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace posthorn::service {

class HttpReplyReader {
 public:
  enum class State : std::uint8_t { head, body, done, broken };
  using Take = std::function<void(std::string_view)>;

  /// `take` gets the body, piece by piece.
  explicit HttpReplyReader(Take take) : take_(std::move(take)) {}

  void feed(std::string_view octets);
  [[nodiscard]] State state() const { return state_; }
  /// Known from State::body on.
  [[nodiscard]] unsigned status() const { return status_; }

 private:
  enum class Part : std::uint8_t { size, data, data_end, trailer };

  void feed_head(std::string_view& octets);
  void feed_length(std::string_view& octets);
  void feed_pieces(std::string_view& octets);
  /// Takes a line, without its end, into line_. False: it is not all there yet.
  [[nodiscard]] bool take_line(std::string_view& octets);
  void read_size();
  [[nodiscard]] bool read_field(std::string_view line);
  [[nodiscard]] bool read_head();

  Take take_;
  State state_ = State::head;
  unsigned status_ = 0;
  std::string line_;
  std::string head_;
  bool in_pieces_ = false;
  Part part_ = Part::size;
  std::uint64_t left_ = 0;
};

}  // namespace posthorn::service
