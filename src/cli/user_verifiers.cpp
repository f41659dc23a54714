#include "cli/user_verifiers.hpp"

#include "mail/user_name.hpp"
#include "store/users.hpp"
#include "system/password_hash.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

namespace posthorn::cli {
namespace {

/// Octets that anybody with the key makes again, and nobody without it.
std::string octets_for(const KeyedHash& hash, std::string_view name, std::size_t count) {
  std::string octets;
  for (char part = 'a'; octets.size() < count; ++part) {
    auto word = hash.of(std::string(name) + part);
    for (int i = 0; i < 8; ++i, word >>= 8U) octets += static_cast<char>(word & 0xffU);
  }
  octets.resize(count);
  return octets;
}

}  // namespace

struct UserVerifiers::Book {
  std::vector<std::string> domains;
  std::vector<store::UserLine> users;                   // with hashes of use only
  std::unordered_map<std::string, std::size_t> places;  // canonical name: place in `users`
  std::vector<std::size_t> scram;                       // places of those with a SCRAM verifier

  Book(std::vector<store::UserLine> lines, std::vector<std::string> ours) : domains(std::move(ours)) {
    for (auto& line : lines) {
      if (!system::is_usable_hash(line.hash)) continue;
      if (system::scram_verifier_of(line.hash)) scram.push_back(users.size());
      places.emplace(line.name.text(), users.size());
      users.push_back(std::move(line));
    }
  }

  /// The user's own line, or the one of the name without one of our domains.
  [[nodiscard]] const store::UserLine* find(std::string_view login) const {
    const auto name = mail::UserName::parse(login);
    if (!name) return nullptr;
    if (const auto found = places.find(name->text()); found != places.end()) return &users[found->second];
    if (name->domain().empty() || std::ranges::find(domains, name->domain()) == domains.end()) return nullptr;
    const auto bare = places.find(std::string(name->local_part()));
    return bare == places.end() ? nullptr : &users[bare->second];
  }
};

UserVerifiers::UserVerifiers(Settings settings, KeyedHash::Key key, std::function<void()> look)
    : hash_(key), salt_hash_({key.second, key.first}), look_(std::move(look)) {
  replace({}, settings);
}

UserVerifiers::~UserVerifiers() = default;

UserVerifiers::Entry UserVerifiers::find(std::string_view name, bool for_scram) {
  const auto book = current();
  const auto* user = book->find(name);
  if (user == nullptr || (for_scram && !system::scram_verifier_of(user->hash))) return stand_in(*book, name, for_scram);
  return {user->name.text(), user->hash.copy(), false};
}

bool UserVerifiers::has_scram() { return !current()->scram.empty(); }

void UserVerifiers::replace(std::string_view text, const Settings& settings) {
  auto book = std::make_shared<const Book>(store::parse_users(text, settings.users_file).users, settings.domains);
  const std::lock_guard lock(mutex_);
  book_ = std::move(book);
}

std::shared_ptr<const UserVerifiers::Book> UserVerifiers::current() {
  look_();
  const std::lock_guard lock(mutex_);
  return book_;
}

UserVerifiers::Entry UserVerifiers::stand_in(const Book& book, std::string_view name, bool for_scram) const {
  const auto number = hash_.of(name);
  const auto salt = octets_for(salt_hash_, name, 16);
  system::ScramVerifier verifier{.iterations = system::scram_iterations,
                                 .salt = salt,
                                 .stored_key = octets_for(hash_, name, 32),
                                 .server_key = octets_for(salt_hash_, salt, 32)};
  if (for_scram && !book.scram.empty()) {
    const auto known = system::scram_verifier_of(book.users[book.scram[number % book.scram.size()]].hash);
    verifier.iterations = known->iterations;
    verifier.salt = octets_for(salt_hash_, name, known->salt.size());
  }
  if (for_scram || book.users.empty()) return {.user = {}, .hash = system::to_hash(verifier)};
  return {.user = {}, .hash = book.users[number % book.users.size()].hash.copy()};
}

}  // namespace posthorn::cli
