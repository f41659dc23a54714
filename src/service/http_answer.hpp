// HttpAnswer: the answer to one request of the control interface, whole or in pieces (RFC 9112 §7.1). Every write has a
// deadline; after one that failed the rest is not written and nobody needs to look.
#pragma once

#include "world/loop.hpp"
#include "world/network.hpp"
#include "world/task.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn::service {

class HttpAnswer {
 public:
  struct Manner {
    Duration write_timeout{};
    bool keeps_connection = false;
    bool takes_pieces = true;  ///< HTTP/1.1; else the end of the connection is the end of the answer
    bool head_only = false;    ///< RFC 9110 §9.3.2: HEAD is answered as GET, without the body
  };

  HttpAnswer(world::Loop& loop, world::Stream& stream, Manner manner) : loop_(loop), stream_(stream), manner_(manner) {}

  /// All of it. `fields`: more header fields, each with its line end.
  [[nodiscard]] world::Task<> send(unsigned status, std::string_view type, std::string body, std::string fields = {});
  /// {"error": …}
  [[nodiscard]] world::Task<> refuse(unsigned status, std::string_view why, std::string fields = {});

  [[nodiscard]] world::Task<> begin(std::string_view type);
  [[nodiscard]] world::Task<> piece(std::string text);
  [[nodiscard]] world::Task<> finish();

  [[nodiscard]] bool has_failed() const { return has_failed_; }
  /// Nobody wants the pieces: they need not be made.
  [[nodiscard]] bool is_head_only() const { return manner_.head_only; }
  /// Another request may follow on the connection.
  [[nodiscard]] bool keeps_connection() const { return manner_.keeps_connection && !has_failed_; }

 private:
  [[nodiscard]] std::string head(unsigned status, std::string_view type, std::string_view fields) const;
  [[nodiscard]] world::Task<> write(std::string text);

  world::Loop& loop_;
  world::Stream& stream_;
  Manner manner_;
  bool has_failed_ = false;
};

}  // namespace posthorn::service
