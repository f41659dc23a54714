#include "cli/check_files.hpp"

#include "base/clean_text.hpp"
#include "cli/directory_settings.hpp"
#include "store/directory_files.hpp"
#include "store/text_file.hpp"
#include "store/users.hpp"
#include "system/password_hash.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned readable_by_others = 0004;
constexpr unsigned writable_by_others = 0002;
constexpr unsigned others_read_or_write = 0006;  // programs that hand in mail pass through it
constexpr unsigned writable = 0200;

class FileCheck {
 public:
  FileCheck(const config::Configuration& configuration, world::Disk& disk, ServerAccount account)
      : configuration_(configuration), disk_(disk), account_(std::move(account)) {}

  std::vector<Finding> run() {
    check_folder("state", configuration_.state);
    check_mail_root();
    check_log();
    check_secrets();
    check_users();
    check_directory();
    return std::move(findings_);
  }

  std::vector<Finding> run_exposure() {
    check_privacy("state", configuration_.state);
    check_privacy("state", configuration_.state + "/spool");
    check_secrets();
    check_users_privacy();
    std::erase_if(findings_, [](const Finding& finding) { return finding.is_fault; });
    return std::move(findings_);
  }

 private:
  void fault(std::string where, std::string text) { findings_.push_back({true, std::move(where), std::move(text)}); }
  void warn(std::string where, std::string text) { findings_.push_back({false, std::move(where), std::move(text)}); }

  [[nodiscard]] bool may_write(const world::EntryFacts& facts) const {
    if (account_.user == 0) return true;
    if (facts.user == account_.user) return (facts.mode & writable) != 0;
    const bool in_group = std::ranges::find(account_.groups, facts.group) != account_.groups.end();
    return (facts.mode & (in_group ? writable >> 3U : writable_by_others)) != 0;
  }

  void check_folder(const std::string& key, const std::string& path) {
    const auto folder = disk_.open_root(path);
    if (!folder) {
      const bool is_missing = folder.error().kind == Error::Kind::not_found;
      return warn(key, is_missing ? path + " is not there yet" : folder.error().text);
    }
    const auto facts = (*folder)->facts();
    if (!facts) return warn(key, facts.error().text);
    if (!may_write(*facts)) {
      warn(key, fmt::format("{} belongs to account {} (mode {:04o}): the server could not write there", path,
                            facts->user, facts->mode));
    }
    if ((facts->mode & writable_by_others) != 0) {
      warn(key, fmt::format("{} may be written by everybody (mode {:04o}): take that right away", path, facts->mode));
    }
  }

  /// Where users are system users, it is root's.
  void check_mail_root() {
    const auto& mailbox = configuration_.mailbox;
    const auto engine = account_;
    if (mailbox.system_users) account_ = {};
    check_folder("mailbox.root", mailbox.root);
    account_ = engine;
    if (!mailbox.system_users) return;
    const auto folder = disk_.open_root(mailbox.root);
    const auto facts = folder ? (*folder)->facts() : Result<world::EntryFacts>{failure(folder.error())};
    if (!facts || facts->user == 0 || facts->user == account_.user) return;
    fault("mailbox.root", fmt::format("{} belongs to account {}, and must belong to root with mailbox.system_users",
                                      mailbox.root, facts->user));
  }

  /// A folder of mail that waits.
  void check_privacy(const std::string& key, const std::string& path) {
    const auto folder = disk_.open_root(path);
    const auto facts = folder ? (*folder)->facts() : Result<world::EntryFacts>{failure(folder.error())};
    if (!facts || (facts->mode & others_read_or_write) == 0) return;
    warn(key, fmt::format("{} is open to everybody (mode {:04o}): chmod 0711", path, facts->mode));
  }

  /// What lies at a path that names a file; nothing, if that cannot be told.
  std::optional<world::EntryFacts> facts_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto folder =
        disk_.open_root(slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1)));
    if (!folder) return std::nullopt;
    const auto facts = (*folder)->facts(path.substr(slash + 1));
    return facts ? std::optional{*facts} : std::nullopt;
  }

  void check_log() {
    check_log_file("log.file", configuration_.log.file);
    for (const auto& listener : configuration_.listeners) check_log_file("listener.log", listener.log);
  }

  void check_log_file(const std::string& key, const std::string& file) {
    if (file.empty()) return;
    const auto facts = facts_of(file);
    if (facts && facts->type == world::EntryType::link) fault(key, file + " is a link, which is never followed");
  }

  void check_secrets() {
    const auto& tls = configuration_.tls;
    check_secret("tls.certificate", tls.certificate, !tls.key.empty());
    check_secret("tls.key", tls.key, false);
    for (const auto& identity : tls.identities) {
      check_secret("tls.identity.certificate", identity.certificate, !identity.key.empty());
      check_secret("tls.identity.key", identity.key, false);
    }
    check_secret("remote.password_file", configuration_.remote.password_file, false);
    check_secret("remote.key", configuration_.remote.key, false);
    for (const auto& route : configuration_.routes) check_secret("route.password_file", route.password_file, false);
    check_secret("admin.token_file", configuration_.admin.token_file, false);
    check_secret("dns.trust_anchor", configuration_.dns.trust_anchor, true);
  }

  /// A file that must be there, and that others must not read unless all may see it. A link is looked at no further.
  void check_secret(const std::string& key, const std::string& path, bool is_public) {
    if (path.empty()) return;
    const auto facts = facts_of(path);
    if (!facts) return fault(key, path + " is not there, or not to be seen from this account");
    if (!is_public && facts->type == world::EntryType::file && (facts->mode & readable_by_others) != 0) {
      warn(key, fmt::format("{} may be read by everybody (mode {:04o}): chmod 0640", path, facts->mode));
    }
  }

  void check_users() {
    const auto& path = configuration_.mailbox.users;
    const auto file = store::read_text_file(disk_, path, store::max_users_file_octets);
    if (!file) return;  // told by check_directory()
    const auto users = store::parse_users(file->text, path).users;
    judge_users_privacy(users, *file);
    judge_hashes(users);
    if (users.empty()) warn("mailbox.users", path + " names nobody: only postmaster gets mail");
  }

  void judge_hashes(const std::vector<store::UserLine>& users) {
    for (const auto& user : users) {
      const auto where = fmt::format("{}:{}", configuration_.mailbox.users, user.line);
      const auto scheme = store::scheme_of(user.hash);
      if (scheme == "PLAIN") {
        warn(where, "the password of " + user.name.text() + " stands there as it is typed");
      } else if (!user.hash.is_empty() && !system::is_usable_hash(user.hash)) {
        warn(where, fmt::format("no password of {} will ever be right: the hash is none of a scheme known here ({})",
                                user.name.text(), LogText(scheme, 40).text()));
      }
    }
  }

  void judge_users_privacy(const std::vector<store::UserLine>& users, const store::TextFile& file) {
    const bool has_hashes = std::ranges::any_of(users, [](const auto& user) { return !user.hash.is_empty(); });
    if (!has_hashes || (file.mode & readable_by_others) == 0) return;
    warn("mailbox.users", fmt::format("{} holds passwords and may be read by everybody (mode {:04o}): chmod 0640",
                                      configuration_.mailbox.users, file.mode));
  }

  void check_users_privacy() {
    const auto& path = configuration_.mailbox.users;
    const auto file = store::read_text_file(disk_, path, store::max_users_file_octets);
    if (!file) return;
    const auto users = store::parse_users(file->text, path).users;
    judge_users_privacy(users, *file);
    judge_hashes(users);
  }

  void check_directory() {
    const auto settings = directory_settings(configuration_);
    const auto loaded = store::load_directory(disk_, settings);
    if (!loaded) return fault("mailbox", loaded.error().text);
    for (const auto& path : loaded->missing) {
      if (path == config::Mailbox{}.aliases) continue;  // few systems need one
      warn(path == settings.users_file ? "mailbox.users" : "mailbox.aliases",
           path + " is not there and counts as empty");
    }
    tell(loaded->faults);
    tell(store::judge_directory(*loaded->directory, settings));
  }

  void tell(const std::vector<store::FileFault>& faults) {
    for (const auto& each : faults) warn(fmt::format("{}:{}", each.file, each.line), each.text);
  }

  const config::Configuration& configuration_;
  world::Disk& disk_;
  ServerAccount account_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_files(const config::Configuration& configuration, world::Disk& disk,
                                 const ServerAccount& account) {
  return FileCheck(configuration, disk, account).run();
}

std::vector<Finding> find_exposed(const config::Configuration& configuration, world::Disk& disk) {
  return FileCheck(configuration, disk, {}).run_exposure();
}

}  // namespace posthorn::cli
