#include "cli/user_command.hpp"

#include "base/clean_text.hpp"
#include "cli/error_status.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "cli/password_input.hpp"
#include "store/text_file.hpp"
#include "store/users.hpp"
#include "system/account.hpp"
#include "system/password_hash.hpp"
#include "system/posix_disk.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include <functional>
#include <utility>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;

/// What was asked, and what it is asked of.
struct Request {
  std::vector<std::string> names;
  bool as_json = false;
  std::string users_file;
  config::Process process;
  bool asks_password = false;
  std::string password_file;  ///< "-": standard input; empty: a person is asked
  std::string scheme = "scram-sha-256";
};

ExitStatus tell(const Error& error, Console& console) {
  console.complain("{}", LogText(error.text).text());
  return error.kind == Error::Kind::not_found ? ExitStatus::no_user : status_of(error);
}

/// A users file that root makes belongs to the group of the server, which must read it.
std::optional<store::FileOwner> owner_of_new_file(const config::Process& process) {
  if (!system::is_root() || process.user.empty()) return std::nullopt;
  const auto account = system::find_account(process.user, process.group);
  if (!account) return std::nullopt;
  return store::FileOwner{.user = 0, .group = account->group};
}

using ChangeOfOne = std::function<Result<std::string>(std::string_view text, const mail::UserName& name)>;

/// Applies the change for each name, or for none of them.
Result<> change_users(const Request& request, const ChangeOfOne& change) {
  const auto change_all = [&](std::string_view text) -> Result<std::string> {
    std::string changed(text);
    for (const auto& given : request.names) {
      const auto name = mail::UserName::parse(given);
      if (!name) return failure(Error{name.error()}.context("\"" + LogText(given).text() + "\""));
      auto next = change(changed, *name);
      if (!next) return next;
      changed = std::move(*next);
    }
    return changed;
  };
  ::umask(0);  // the file keeps the rights it has; a strict umask would lock the server out
  system::PosixDisk disk;
  return store::change_text_file(
      disk, request.users_file,
      {.fresh = {.mode = 0640, .owner = owner_of_new_file(request.process)}, .limit = store::max_users_file_octets},
      change_all);
}

/// What the users file keeps of the password that is given: each user its own, with a salt of its own.
Result<std::vector<Secret>> make_hashes(const Request& request, Console& console) {
  std::vector<Secret> hashes;
  const auto scheme = system::hash_scheme_of(request.scheme);
  if (!scheme) {
    return failure(Error::Kind::invalid,
                   "--scheme is scram-sha-256, argon2id or yescrypt, not " + LogText(request.scheme).text());
  }
  std::optional<Secret> from_file;
  for (const auto& name : request.names) {
    auto password = from_file                       ? Result<Secret>(from_file->copy())
                    : request.password_file.empty() ? ask_new_password(console, LogText(name).text())
                                                    : read_password_file(request.password_file);
    if (!password) return failure(std::move(password.error()));
    if (!request.password_file.empty()) from_file.emplace(password->copy());
    auto hash = system::hash_password(*password, *scheme);
    if (!hash) return failure(std::move(hash.error()));
    hashes.push_back(std::move(*hash));
  }
  return hashes;
}

using ChangeWithHash = Result<std::string> (*)(std::string_view, const mail::UserName&, const Secret&);

/// The change for each name with its hash; without, with none.
ExitStatus change_with_hashes(const Request& request, Console& console, ChangeWithHash change) {
  std::vector<Secret> hashes;
  if (request.asks_password) {
    auto made = make_hashes(request, console);
    if (!made) return tell(made.error(), console);
    hashes = std::move(*made);
  }
  std::size_t next = 0;
  const auto changed = change_users(request, [&](std::string_view text, const mail::UserName& name) {
    const Secret none;
    return change(text, name, hashes.empty() ? none : hashes.at(next++));
  });
  return changed ? ExitStatus::ok : tell(changed.error(), console);
}

ExitStatus remove(const Request& request, Console& console) {
  const auto changed = change_users(request, store::without_user);
  return changed ? ExitStatus::ok : tell(changed.error(), console);
}

void print_json(const store::UserList& list, Console& console) {
  auto users = ordered_json::array();
  for (const auto& user : list.users) {
    const auto scheme = store::scheme_of(user.hash);
    users.push_back({{"name", user.name.text()},
                     {"domain", user.name.domain().empty() ? ordered_json() : ordered_json(user.name.domain())},
                     {"password", scheme.empty() ? ordered_json() : ordered_json(scheme)},
                     {"line", user.line}});
  }
  console.print("{}\n", users.dump(2));
}

ExitStatus list(const Request& request, Console& console) {
  system::PosixDisk disk;
  const auto file = store::read_text_file(disk, request.users_file, store::max_users_file_octets);
  if (!file && file.error().kind != Error::Kind::not_found) return tell(file.error(), console);
  const auto users = store::parse_users(file ? file->text : "", request.users_file);
  for (const auto& fault : users.faults) console.complain("{}", fault.to_string());
  if (request.as_json) {
    print_json(users, console);
    return ExitStatus::ok;
  }
  for (const auto& user : users.users) console.print("{}\n", user.name.text());
  return ExitStatus::ok;
}

}  // namespace

namespace {

void add_password_options(CLI::App& app, Request& request) {
  app.add_option("--password-file", request.password_file,
                 "take the password from the first line of this file; -: standard input");
  app.add_option("--scheme", request.scheme,
                 "what is stored: scram-sha-256 (serves every mechanism), argon2id or yescrypt (PLAIN and LOGIN only)")
      ->capture_default_str();
}

}  // namespace

ExitStatus run_user(const Invocation& invocation, Console& console) {
  Options options(invocation,
                  "The local users: who has a mailbox. Mailboxes are made with the first mail and never removed.");
  Request request;
  std::string file;
  auto& app = options.app();
  app.add_option("-c,--config", file, "the configuration file");
  app.require_subcommand(1);
  app.fallthrough();  // -c may stand behind what it is asked of
  auto* adding = app.add_subcommand("add", "adds users");
  adding->add_option("NAME", request.names, "a name, or name@domain for a user of one domain")->required();
  bool asked = false;
  adding->add_flag("--password", asked,
                   "ask for a password, which the users get; without, they have none and cannot log in");
  add_password_options(*adding, request);
  auto* changing =
      app.add_subcommand("passwd", "sets the password of users, asked for at the terminal or read from standard input");
  changing->add_option("NAME", request.names, "the name")->required();
  add_password_options(*changing, request);
  auto* removing = app.add_subcommand("remove", "removes users; their mail stays");
  removing->add_option("NAME", request.names, "the name")->required();
  auto* listing = app.add_subcommand("list", "lists the users");
  listing->add_flag("--json", request.as_json, "print an array with name, domain, password scheme and line");
  if (const auto status = options.read(console)) return *status;

  auto configuration = load_configuration(file);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  request.users_file = configuration->mailbox.users;
  request.process = configuration->process;
  request.asks_password = changing->parsed() || asked || !request.password_file.empty();
  if (adding->parsed()) return change_with_hashes(request, console, &store::with_user);
  if (changing->parsed()) return change_with_hashes(request, console, &store::with_hash);
  return removing->parsed() ? remove(request, console) : list(request, console);
}

}  // namespace posthorn::cli
