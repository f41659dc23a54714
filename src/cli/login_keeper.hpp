// LoginKeeper: what the keys process knows of users and their passwords: the users file, which its parent opened, the SASL
// exchanges that the engine has begun, and the way to the process that asks PAM and Dovecot. The engine learns names, never
// what is kept of a password.
#pragma once

#include "cli/user_verifiers.hpp"
#include "cli/users_wire.hpp"
#include "system/auth_service.hpp"
#include "system/given_file.hpp"
#include "system/keys_client.hpp"
#include "system/keys_service.hpp"
#include "system/sasl_desk.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace posthorn::cli {

class LoginKeeper final : public system::KeysPart {
 public:
  /// Before the process is confined: libraries look at files when they are first used.
  explicit LoginKeeper(KeyedHash::Key key);
  ~LoginKeeper() override;

  bool obey(const system::ControlChannel& parent, system::ControlPacket packet) override;
  [[nodiscard]] Result<system::ChannelThreads::Reply> answer(system::KeysPacket kind, std::string_view body) override;

 private:
  /// Sources of passwords and all that stands on them; replaced as a whole.
  struct Sources;

  bool take_settings(const system::ControlPacket& packet);
  bool take_users(const system::ControlChannel& parent, system::ControlPacket packet);
  [[nodiscard]] Result<> read_users();
  /// Before each look into the book: a login right after `posthorn user passwd` finds the new password.
  void refresh_users();
  [[nodiscard]] std::shared_ptr<Sources> sources();

  UserVerifiers book_;
  std::shared_ptr<system::KeysClient> helper_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::shared_ptr<Sources> sources_;  // guarded by the mutex, as are the next
  system::GivenFile users_;
  std::string users_path_;
  std::vector<std::string> domains_;
  std::uint64_t arrivals_ = 0;  // of users files
  std::string names_;           // of the users, as the engine gets them
  const system::ControlChannel* parent_ = nullptr;
};

}  // namespace posthorn::cli
