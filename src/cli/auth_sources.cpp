#include "cli/auth_sources.hpp"

#include "system/dovecot_source.hpp"
#include "system/pam_source.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

using Kind = config::AuthSource::Kind;

UserVerifiers::Settings book_settings(const config::Configuration& configuration) {
  return {.users_file = configuration.mailbox.users, .domains = configuration.domains};
}

std::unique_ptr<system::PasswordSource> make_source(const config::AuthSource& source,
                                                    const config::Configuration& configuration, UserVerifiers& book) {
  switch (source.kind) {
    case Kind::users_file:
      break;
    case Kind::pam:
      return std::make_unique<system::PamSource>(
          system::PamSource::Settings{.service = source.argument, .domains = configuration.domains, .folder = {}});
    case Kind::dovecot:
      return std::make_unique<system::DovecotSource>(system::DovecotSource::Settings{.socket = source.argument});
  }
  return std::make_unique<system::BookSource>(book);
}

}  // namespace

AuthSources::AuthSources(const config::Configuration& configuration, world::Disk& disk, KeyedHash::Key key,
                         unsigned checks)
    : book_(book_settings(configuration), disk, key),
      service_(make(configuration), book_if_asked(configuration)),
      workers_({.name = "passwords", .threads = checks + 1}),
      authenticator_(service_, workers_) {}

void AuthSources::change(const config::Configuration& configuration) { book_.change(book_settings(configuration)); }

std::vector<system::PasswordSource*> AuthSources::make(const config::Configuration& configuration) {
  std::vector<system::PasswordSource*> list;
  for (const auto& source : configuration.auth.sources) {
    sources_.push_back(make_source(source, configuration, book_));
    list.push_back(sources_.back().get());
  }
  return list;
}

/// SCRAM is the users file's: PAM and Dovecot want the password itself.
system::VerifierBook* AuthSources::book_if_asked(const config::Configuration& configuration) {
  const bool asked = std::ranges::any_of(configuration.auth.sources, [](const auto& source) { return source.kind == Kind::users_file; });
  return asked ? &book_ : nullptr;
}

}  // namespace posthorn::cli
