#include "system/own_user.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace posthorn::system {
namespace {

std::tm local_time(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  const std::time_t moment = seconds;
  std::tm local{};
  ::localtime_r(&moment, &local);
  return local;
}

struct Person {
  std::string name;
  std::string home;
};

Person own_account() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16'384> buffer{};
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return {entry.pw_name, entry.pw_dir};
}

std::string absolute_from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value == '/' ? value : "";
}

}  // namespace

std::chrono::minutes zone_at(WallTime time) { return std::chrono::minutes{local_time(time).tm_gmtoff / 60}; }

std::string to_local_text(WallTime time) {
  const auto local = local_time(time);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
}

std::string own_user_name() {
  auto name = own_account().name;
  return name.empty() ? std::to_string(::geteuid()) : name;
}

std::string user_state_folder() {
  auto given = absolute_from_environment("XDG_STATE_HOME");
  if (!given.empty()) return given;
  auto home = absolute_from_environment("HOME");
  if (home.empty()) home = own_account().home;
  return home.starts_with('/') ? home + "/.local/state" : std::string{};
}

}  // namespace posthorn::system
