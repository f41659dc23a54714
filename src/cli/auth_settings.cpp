#include "cli/auth_settings.hpp"

namespace posthorn::cli {
namespace {

using Kind = system::AuthSettings::Source::Kind;

Kind kind_of(config::AuthSource::Kind kind) {
  switch (kind) {
    case config::AuthSource::Kind::users_file:
      return Kind::users_file;
    case config::AuthSource::Kind::pam:
      return Kind::pam;
    case config::AuthSource::Kind::dovecot:
      return Kind::dovecot;
  }
  return Kind::users_file;
}

}  // namespace

system::AuthSettings auth_settings(const config::Configuration& configuration) {
  system::AuthSettings settings{.sources = {}, .domains = configuration.domains};
  for (const auto& source : configuration.auth.sources) {
    settings.sources.push_back({kind_of(source.kind), source.argument});
  }
  return settings;
}

}  // namespace posthorn::cli
