#include "service/http_answer.hpp"

#include "service/http_request.hpp"
#include "service/json_text.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::service {

// What a browser may do with our answers: nothing but show them.
std::string HttpAnswer::head(unsigned status, std::string_view type, std::string_view fields) const {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
      "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n{}{}",
      status, http_reason(status), type, manner_.keeps_connection ? "" : "Connection: close\r\n", fields);
}

world::Task<> HttpAnswer::send(unsigned status, std::string_view type, std::string body, std::string fields) {
  auto text = head(status, type, fields) + fmt::format("Content-Length: {}\r\n\r\n", body.size());
  if (!manner_.head_only) text += body;
  co_await write(std::move(text));
}

world::Task<> HttpAnswer::refuse(unsigned status, std::string_view why, std::string fields) {
  std::string body;
  JsonObject object(body);
  object.text("error", why).end();
  body += '\n';
  if (status == 401) fields += "WWW-Authenticate: Bearer\r\n";
  co_await send(status, "application/json", std::move(body), std::move(fields));
}

world::Task<> HttpAnswer::begin(std::string_view type) {
  if (!manner_.takes_pieces) manner_.keeps_connection = false;
  co_await write(head(200, type, manner_.takes_pieces ? "Transfer-Encoding: chunked\r\n" : "") + "\r\n");
}

world::Task<> HttpAnswer::piece(std::string text) {
  if (text.empty() || manner_.head_only) co_return;
  if (!manner_.takes_pieces) {
    co_await write(std::move(text));
    co_return;
  }
  auto framed = fmt::format("{:x}\r\n", text.size());
  framed += text;
  framed += "\r\n";
  co_await write(std::move(framed));
}

world::Task<> HttpAnswer::finish() {
  if (manner_.takes_pieces && !manner_.head_only) co_await write("0\r\n\r\n");
}

world::Task<> HttpAnswer::write(std::string text) {
  if (has_failed_) co_return;
  const auto written = co_await stream_.write(text, after(loop_.now(), manner_.write_timeout));
  if (!written) has_failed_ = true;
}

}  // namespace posthorn::service
