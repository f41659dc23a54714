// Reads HTTP/1.1 requests (RFC 9112) for the control interface: octets in, a request or a refusal out; no socket, no clock.
// Strict where servers have been fooled: CRLF only, no folded lines, no blank before a colon, one Host, one Content-Length of
// digits, no transfer coding, targets in origin form only, percent signs decoded once. Every part is bounded, and what follows a
// refusal is not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::service {

struct HttpRequest {
  std::string method;
  std::string path;                                         ///< decoded, begins with "/"
  std::vector<std::pair<std::string, std::string>> query;   ///< decoded, in order
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case
  std::string body;
  bool keeps_connection = true;

  /// The first of that name.
  [[nodiscard]] std::optional<std::string_view> field(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

class HttpReader {
 public:
  struct Settings {
    std::size_t head_octets = 16U << 10;
    std::size_t body_octets = 1U << 20;
    std::size_t fields = 100;
  };
  enum class State : std::uint8_t { head, body, done, refused };

  HttpReader() = default;
  explicit HttpReader(const Settings& settings) : settings_(settings) {}

  /// Takes what belongs to the request and says how much that was; all of it unless the request is done or refused.
  std::size_t feed(std::string_view octets);
  [[nodiscard]] State state() const { return state_; }
  /// Whether anything of a request has come.
  [[nodiscard]] bool has_begun() const { return state_ != State::head || !head_.empty(); }
  /// The status that a refused request is answered with: 400, 413, 414, 431, 501, 505.
  [[nodiscard]] unsigned status() const { return status_; }
  /// The request that is done; then the next one is read.
  [[nodiscard]] HttpRequest take();

 private:
  std::size_t feed_head(std::string_view octets);
  std::size_t feed_body(std::string_view octets);
  void refuse(unsigned status);
  void read_head();
  [[nodiscard]] bool read_request_line(std::string_view line);
  [[nodiscard]] bool read_target(std::string_view target);
  [[nodiscard]] bool read_query(std::string_view query);
  [[nodiscard]] bool read_field(std::string_view line);
  [[nodiscard]] bool judge_fields();

  Settings settings_;
  State state_ = State::head;
  unsigned status_ = 400;
  std::string head_;
  HttpRequest request_;
  std::size_t body_left_ = 0;
};

/// "Not Found"
[[nodiscard]] std::string_view http_reason(unsigned status);

}  // namespace posthorn::service
