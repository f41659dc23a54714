#include "service/control_server.hpp"

#include "base/ascii.hpp"
#include "base/ip_address.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

constexpr Duration accept_pause = std::chrono::milliseconds{100};

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (const auto endpoint = Endpoint::parse(host)) return endpoint->address.is_loopback();
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (const auto address = IpAddress::parse(host)) return address->is_loopback();
  const auto colon = host.find(':');
  if (colon != std::string_view::npos && !ascii::to_number(host.substr(colon + 1))) return false;
  return ascii::same_word(host.substr(0, colon), "localhost");
}

bool is_same_secret(std::string_view given, std::string_view wanted) {
  if (wanted.empty()) return false;
  unsigned difference = given.size() == wanted.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto want = static_cast<unsigned char>(wanted[i % wanted.size()]);
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^ want);
  }
  return difference == 0;
}

void ControlServer::open(std::unique_ptr<world::Acceptor> acceptor) {
  const auto local = acceptor->local();
  const bool is_socket = std::holds_alternative<world::UnixPath>(local);
  doors_.push_back(std::make_unique<Door>(Door{std::move(acceptor), is_socket}));
  tasks_.start(accept(*doors_.back()));
}

void ControlServer::close() {
  for (auto& door : doors_) door->acceptor->close();
  for (auto* stream : streams_) stream->close();
}

world::Task<> ControlServer::accept(Door& door) {
  while (true) {
    auto stream = co_await door.acceptor->accept();
    if (!stream && stream.error().kind == Error::Kind::closed) co_return;
    if (!stream) {
      co_await world::sleep_until(world_.loop, after(world_.loop.now(), accept_pause));
      continue;
    }
    // One that finds no place is closed at once.
    if (door.connections < settings_.connections) tasks_.start(serve(door, std::move(*stream)));
  }
}

world::Task<> ControlServer::serve(Door& door, std::unique_ptr<world::Stream> stream) {
  ++door.connections;
  streams_.push_back(stream.get());
  if (co_await is_welcome(door, *stream)) {
    std::string input;
    while (co_await serve_one(door, *stream, input)) {
    }
  }
  std::erase(streams_, stream.get());
  --door.connections;
}

/// The mode of the socket keeps others out already; this holds also where somebody has changed it.
world::Task<bool> ControlServer::is_welcome(Door& door, world::Stream& stream) {
  if (!door.is_socket) co_return true;
  const auto user = stream.peer_user();
  if (user && (*user == 0 || *user == settings_.account)) co_return true;
  world_.log.warning("control.stranger", {{"account", user ? std::to_string(*user) : "unknown"},
                                          {"what_to_do", "only root and the server's own account may use the socket"}});
  HttpAnswer answer(world_.loop, stream, {.write_timeout = settings_.write_timeout});
  co_await answer.refuse(403, "only root and the server's own account may use this socket");
  co_return false;
}

world::Task<bool> ControlServer::serve_one(Door& door, world::Stream& stream, std::string& input) {
  HttpReader reader(settings_.request);
  if (!co_await read_request(stream, reader, input)) co_return false;
  if (reader.state() == HttpReader::State::refused) {
    HttpAnswer answer(world_.loop, stream, {.write_timeout = settings_.write_timeout});
    co_await answer.refuse(reader.status(), "this is not a request that is understood here");
    co_return false;
  }
  auto request = reader.take();
  HttpAnswer answer(world_.loop, stream,
                    {.write_timeout = settings_.write_timeout,
                     .keeps_connection = request.keeps_connection,
                     .takes_pieces = request.field("host").has_value(),
                     .head_only = request.method == "HEAD"});
  if (!door.is_socket && !is_loopback_host(request.field("host").value_or(""))) {
    co_await answer.refuse(421, "this host has no such name: use 127.0.0.1, [::1] or localhost");
    co_return false;
  }
  const bool may_change = door.is_socket || has_token(request);
  co_await world_.handler.answer(std::move(request), may_change, answer);
  co_return answer.keeps_connection();
}

world::Task<bool> ControlServer::read_request(world::Stream& stream, HttpReader& reader, std::string& input) {
  auto deadline = after(world_.loop.now(), settings_.idle_timeout);
  while (true) {
    const bool had_begun = reader.has_begun();
    input.erase(0, reader.feed(input));
    const auto state = reader.state();
    if (state == HttpReader::State::done || state == HttpReader::State::refused) co_return true;
    if (!had_begun && reader.has_begun()) deadline = after(world_.loop.now(), settings_.request_timeout);
    const auto octets = co_await stream.read(deadline);
    if (!octets || octets->empty()) co_return false;
    input += *octets;
  }
}

bool ControlServer::has_token(const HttpRequest& request) const {
  constexpr std::string_view scheme = "Bearer ";
  const auto given = request.field("authorization");
  if (!settings_.token || !given || !ascii::starts_with_word(*given, scheme)) return false;
  return is_same_secret(given->substr(scheme.size()), settings_.token->reveal());
}

}  // namespace posthorn::service
