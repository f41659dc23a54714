#include "system/sasl_desk.hpp"

#include "system/auth_wire.hpp"

#include <utility>

namespace posthorn::system {
namespace {

using Kind = world::AuthAnswer::Kind;

bool goes_on(const world::AuthAnswer& answer) { return answer.kind == Kind::challenge || answer.kind == Kind::claim; }

}  // namespace

bool SaslDesk::is_for_it(KeysPacket kind) {
  return kind == KeysPacket::auth_offer || kind == KeysPacket::auth_begin || kind == KeysPacket::auth_respond ||
         kind == KeysPacket::auth_proceed || kind == KeysPacket::auth_end;
}

Result<std::string> SaslDesk::answer(KeysPacket kind, std::string_view body) {
  if (kind == KeysPacket::auth_begin) return begin(body);
  if (kind != KeysPacket::auth_offer) return go_on(kind, body);
  if (!body.empty()) return failure(Error::Kind::corrupt, "a question with more than a question");
  return encode(service_.offer());
}

Result<std::string> SaslDesk::begin(std::string_view body) {
  auto opening = decode_auth_opening(body);
  if (!opening) return failure(std::move(opening.error()));
  auto exchange = service_.begin(std::move(opening->start));
  auto answer = exchange->respond(opening->response);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{mutex_};
    number = ++last_number_;
  }
  return keep(number, std::move(exchange), std::move(answer));
}

Result<std::string> SaslDesk::go_on(KeysPacket kind, std::string_view body) {
  const auto step = decode_auth_step(body);
  if (!step) return failure(step.error());
  auto exchange = take(step->exchange);
  if (kind == KeysPacket::auth_end) return encode(AuthStepped{.exchange = step->exchange, .answer = {}});
  if (!exchange) {
    return encode(AuthStepped{.exchange = step->exchange,
                              .answer = {Kind::trouble, "the process that checks passwords has forgotten this login"}});
  }
  auto answer = kind == KeysPacket::auth_respond ? exchange->respond(step->response) : exchange->proceed();
  return keep(step->exchange, std::move(exchange), std::move(answer));
}

SaslDesk::Exchange SaslDesk::take(std::uint64_t number) {
  const std::lock_guard lock{mutex_};
  auto found = open_.extract(number);
  return found.empty() ? nullptr : std::move(found.mapped());
}

std::string SaslDesk::keep(std::uint64_t number, Exchange exchange, world::AuthAnswer answer) {
  if (goes_on(answer)) {
    const std::lock_guard lock{mutex_};
    if (open_.size() >= most_) open_.erase(open_.begin());
    open_.emplace(number, std::move(exchange));
  }
  return encode(AuthStepped{.exchange = number, .answer = std::move(answer)});
}

}  // namespace posthorn::system
