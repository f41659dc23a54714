#include "system/own_user.hpp"

#include "base/ascii.hpp"

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
  std::string full_name;
  std::string home;
};

/// passwd(5): what stands before the first comma, & being the name with a capital.
std::string full_name_in(std::string_view comment, std::string_view name) {
  std::string full;
  for (const char c : comment.substr(0, comment.find(','))) {
    if (c == '&' && !name.empty()) {
      full += ascii::to_upper(name.front());
      full += name.substr(1);
    } else {
      full += c;
    }
  }
  return full;
}

Person account_of(unsigned number) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16'384> buffer{};
  if (::getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  const auto* comment = entry.pw_gecos;
  return {entry.pw_name, full_name_in(comment != nullptr ? comment : "", entry.pw_name), entry.pw_dir};
}

Person own_account() { return account_of(::geteuid()); }

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

std::string name_of_account(unsigned number) {
  auto name = account_of(number).name;
  return name.empty() ? std::to_string(number) : name;
}

std::string own_full_name() { return own_account().full_name; }

std::string user_state_folder() {
  auto given = absolute_from_environment("XDG_STATE_HOME");
  if (!given.empty()) return given;
  auto home = absolute_from_environment("HOME");
  if (home.empty()) home = own_account().home;
  return home.starts_with('/') ? home + "/.local/state" : std::string{};
}

}  // namespace posthorn::system
