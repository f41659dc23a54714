#include "proof/model_authenticator.hpp"

#include "world/wait.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace posthorn::proof {

using Kind = world::AuthAnswer::Kind;

class ModelAuthenticator::Exchange final : public world::AuthExchange {
 public:
  Exchange(ModelWorld& models, world::Loop& loop) : models_(models), loop_(loop) {}

  world::Task<world::AuthAnswer> respond(std::optional<Secret> response, MonotonicTime /*deadline*/) override {
    if (!response) co_return world::AuthAnswer{Kind::challenge, {}};
    const std::string words(response->reveal());
    const auto end = words.find('\0', 1);
    if (!words.starts_with('\0') || end == std::string::npos) co_return world::AuthAnswer{};
    user_ = words.substr(1, end - 1);
    password_ = words.substr(end + 1);
    co_return world::AuthAnswer{Kind::claim, user_};
  }

  world::Task<world::AuthAnswer> proceed(MonotonicTime deadline) override {
    const auto wait = std::chrono::milliseconds{models_.random.between(1, 400)};
    co_await world::sleep_until(loop_, std::min(after(loop_.now(), wait), deadline));
    if (models_.random.chance(5)) co_return world::AuthAnswer{Kind::trouble, "the model cannot look it up"};
    if (password_ != password_of(user_)) co_return world::AuthAnswer{};
    co_return world::AuthAnswer{Kind::success, user_};
  }

 private:
  ModelWorld& models_;
  world::Loop& loop_;
  std::string user_;
  std::string password_;
};

world::Task<world::AuthOffer> ModelAuthenticator::offer(world::Loop& /*loop*/) {
  co_return world::AuthOffer{.passwords = true};
}

std::unique_ptr<world::AuthExchange> ModelAuthenticator::begin(world::Loop& loop, world::AuthStart /*start*/) {
  return std::make_unique<Exchange>(models_, loop);
}

}  // namespace posthorn::proof
