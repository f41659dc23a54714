#include "system/auth_source.hpp"

#include "system/password_hash.hpp"

#include <utility>

namespace posthorn::system {

PasswordVerdict BookSource::check(const PasswordQuestion& question) {
  auto entry = book_.find(question.name, false);
  const bool matches = is_password_of(entry.hash, question.password);
  if (!matches || entry.is_stand_in) return {};
  return {PasswordVerdict::Kind::right, std::move(entry.user)};
}

}  // namespace posthorn::system
