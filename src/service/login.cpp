#include "service/login.hpp"

#include "smtp/standard_replies.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {

using Kind = world::AuthAnswer::Kind;

Login::Login(const LoginWorld& world, Client client, world::AuthStart start)
    : world_(world), client_(std::move(client)), mechanism_(start.mechanism) {
  start.peer = client_.peer;
  exchange_ = world_.authenticator.begin(world_.loop, std::move(start));
}

world::Task<Login::Outcome> Login::respond(std::optional<Secret> response) {
  asked_ = world_.loop.now();
  auto answer = co_await exchange_->respond(std::move(response), deadline());
  if (answer.kind == Kind::claim) co_return co_await go_on(std::move(answer.text));
  co_return co_await conclude(std::move(answer));
}

/// The name is known, nothing is checked yet.
world::Task<Login::Outcome> Login::go_on(std::string login) {
  const auto user = world_.gatekeeper.user_of_login(login);
  is_known_ = user && world_.gatekeeper.knows(*user);
  name_ = user ? user->text() : std::move(login);
  if (world_.desk.is_locked(name_, client_.peer, world_.loop.now())) co_return co_await refuse_locked();
  auto turn = co_await world_.desk.turn(world_.loop, client_.peer);
  if (!turn) co_return refuse_trouble("too many wait for their password to be checked");
  auto answer = co_await exchange_->proceed(deadline());
  turn.reset();  // the delay of a failure takes no place from others
  co_return co_await conclude(std::move(answer));
}

world::Task<Login::Outcome> Login::conclude(world::AuthAnswer answer) {
  switch (answer.kind) {
    case Kind::challenge:
      co_return Challenge{std::move(answer.text)};
    case Kind::success:
      co_return welcome(answer.text);
    case Kind::trouble:
      co_return refuse_trouble(answer.text);
    case Kind::claim:
    case Kind::failure:
      break;
  }
  co_return co_await refuse_failure();
}

Login::Outcome Login::welcome(const std::string& login) {
  const auto user = world_.gatekeeper.user_of_login(login);
  if (!user) return refuse_trouble("a source of passwords knows a user whose name cannot be one");
  world_.desk.note_success(name_, client_.peer);
  log(world::LogLevel::info, "auth.succeeded", {{"user", user->text()}, {"mechanism", mechanism_}});
  return Proved{user->text()};
}

/// The same answer whatever was wrong, no sooner than the delay after the question: neither words nor time tell whether the
/// user is there.
world::Task<Login::Outcome> Login::refuse_failure() {
  const auto delay = world_.desk.note_failure(name_, client_.peer, world_.loop.now());
  std::vector<world::LogField> fields{{"mechanism", mechanism_}};
  if (is_known_) fields.emplace_back("user", name_);
  log(world::LogLevel::warning, "auth.failed", std::move(fields));
  co_await world::sleep_until(world_.loop, after(asked_, std::min(delay, client_.longest_delay)));
  co_return smtp::replies::authentication_failed();
}

/// Told as it is: whoever has the right password and shares the address with a guesser should know why.
world::Task<Login::Outcome> Login::refuse_locked() {
  std::vector<world::LogField> fields{{"mechanism", mechanism_}};
  if (is_known_) fields.emplace_back("user", name_);
  log(world::LogLevel::warning, "auth.locked", std::move(fields));
  co_await world::sleep_until(world_.loop, after(asked_, client_.longest_delay));
  co_return smtp::replies::authentication_locked();
}

Login::Outcome Login::refuse_trouble(std::string_view why) {
  log(world::LogLevel::error, "auth.trouble", {{"mechanism", mechanism_}, {"error", why}});
  return smtp::replies::authentication_trouble();
}

void Login::log(world::LogLevel level, std::string_view event, std::vector<world::LogField> more) const {
  if (!world_.log.takes(level)) return;
  std::vector<world::LogField> fields{{"peer", client_.peer.to_string()}, {"session", client_.session}};
  std::ranges::move(more, std::back_inserter(fields));
  world_.log.write({level, event, std::move(fields)});
}

}  // namespace posthorn::service
