#include "cli/outgoing_logins.hpp"

#include "store/text_file.hpp"

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::uint64_t largest_secret_file = 64U << 10;
constexpr std::uint64_t largest_certificate_file = 1U << 20;
constexpr unsigned readable_by_others = 0004;

/// The first line, without its end: blanks may belong to a password.
std::string first_line_of(std::string_view text) {
  auto line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return std::string(line);
}

class LoginReader {
 public:
  explicit LoginReader(world::Disk& disk) : disk_(disk) {}

  Result<std::shared_ptr<const rules::Login>> read(std::string_view key, const std::string& user,
                                                   const std::string& path) {
    if (user.empty()) return nullptr;
    auto file = store::read_text_file(disk_, path, largest_secret_file);
    if (!file) return failure(std::move(file.error()).context(std::string(key)));
    auto password = first_line_of(file->text);
    if (password.empty()) {
      return failure(Error::Kind::invalid,
                     fmt::format("{}: the first line of {} is empty: write the password there", key, path));
    }
    if ((file->mode & readable_by_others) != 0) {
      warnings_.push_back(
          fmt::format("{}: {} may be read by everybody (mode {:04o}): chmod 0640", key, path, file->mode));
    }
    return std::make_shared<const rules::Login>(user, Secret{std::move(password)});
  }

  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  world::Disk& disk_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<OutgoingLogins> read_outgoing_logins(world::Disk& disk, const config::Configuration& configuration) {
  OutgoingLogins logins;
  LoginReader reader(disk);
  auto smarthost = reader.read("remote.password_file", configuration.remote.user, configuration.remote.password_file);
  if (!smarthost) return failure(std::move(smarthost.error()));
  logins.smarthost = std::move(*smarthost);
  for (const auto& route : configuration.routes) {
    auto login = reader.read("route.password_file", route.user, route.password_file);
    if (!login) return failure(std::move(login.error()));
    logins.routes.push_back(std::move(*login));
  }
  logins.warnings = reader.take_warnings();
  return logins;
}

Result<> check_client_certificate(world::Disk& disk, const config::Remote& remote) {
  for (const auto& [key, path] : {std::pair{"remote.certificate", remote.certificate}, {"remote.key", remote.key}}) {
    if (path.empty()) continue;
    if (auto file = store::read_text_file(disk, path, largest_certificate_file); !file) {
      return failure(std::move(file.error()).context(key));
    }
  }
  return {};
}

}  // namespace posthorn::cli
