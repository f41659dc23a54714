#include "cli/control_call.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "cli/error_status.hpp"
#include "service/http_reply.hpp"
#include "system/clock.hpp"
#include "system/event_loop.hpp"
#include "system/socket_network.hpp"
#include "system/stream_environment.hpp"
#include "system/worker_threads.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace posthorn::cli {
namespace {

using Reader = service::HttpReplyReader;

constexpr Duration connect_timeout = std::chrono::seconds{10};
constexpr Duration answer_timeout = std::chrono::minutes{15};  // a million messages may be changed in one request

std::string request_text(const ControlRequest& request) {
  auto text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request.method, request.target);
  if (!request.body.empty())
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.size());
  return text + "\r\n" + request.body;
}

world::Task<Result<unsigned>> converse(world::Loop& loop, world::Network& network, std::string socket, std::string text,
                                       Reader& reader) {
  auto stream = co_await network.connect(world::UnixPath{std::move(socket)}, {}, after(loop.now(), connect_timeout));
  if (!stream) co_return failure(std::move(stream.error()));
  const auto written = co_await (*stream)->write(text, after(loop.now(), connect_timeout));
  if (!written) co_return failure(written.error());
  while (reader.state() == Reader::State::head || reader.state() == Reader::State::body) {
    const auto octets = co_await (*stream)->read(after(loop.now(), answer_timeout));
    if (!octets) co_return failure(octets.error());
    if (octets->empty()) co_return failure(Error::Kind::ended, "the server broke off its answer");
    reader.feed(*octets);
  }
  if (reader.state() == Reader::State::broken) co_return failure(Error::Kind::invalid, "the answer is not HTTP");
  co_return reader.status();
}

}  // namespace

Result<unsigned> call_control(const std::string& socket, const ControlRequest& request,
                              const std::function<void(std::string_view)>& take) {
  const system::SystemClock clock;
  system::WorkerThreads handshakes({"handshakes", 1});
  auto loop = system::EventLoop::make(clock);
  if (!loop) return failure(std::move(loop.error()));
  system::StreamEnvironment environment(**loop, handshakes);
  system::SocketNetwork network(environment);
  Reader reader(take);
  return system::run_to_end(**loop, converse(**loop, network, socket, request_text(request), reader));
}

ExitStatus tell_no_answer(const Error& error, const std::string& socket, Console& console) {
  const bool nobody = error.kind == Error::Kind::not_found || error.kind == Error::Kind::refused;
  if (nobody) {
    console.complain("no server answers at {}: is it running? (a stopped server's queue: posthorn spool dump)", socket);
    return ExitStatus::unavailable;
  }
  console.complain("{}: {}", socket, LogText(error.text).text());
  if (error.kind == Error::Kind::not_permitted) {
    console.remark("only root and the server's own account may use the socket\n");
  }
  return error.kind == Error::Kind::ended || error.kind == Error::Kind::reset ? ExitStatus::temporary
                                                                              : status_of(error);
}

ExitStatus tell_refusal(unsigned status, std::string_view body, Console& console) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  const bool has_text = answer.is_object() && answer.contains("error") && answer["error"].is_string();
  console.complain("{}", has_text ? LogText(answer["error"].get_ref<const std::string&>()).text()
                                  : fmt::format("the server answers {}", status));
  switch (status) {
    case 400:
      return ExitStatus::usage;
    case 401:
    case 403:
      return ExitStatus::no_permission;
    case 404:
      return ExitStatus::no_input;
    case 503:
      return ExitStatus::temporary;
    default:
      return ExitStatus::unavailable;
  }
}

std::string query_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (ascii::is_letter_or_digit(c) || c == '.' || c == '-' || c == '_') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace posthorn::cli
