#include "cli/children.hpp"

#include "cli/auth_settings.hpp"
#include "cli/check_files.hpp"
#include "cli/confinement.hpp"
#include "cli/engine_orders.hpp"
#include "cli/serve_settings.hpp"
#include "cli/tls_files.hpp"
#include "cli/users_wire.hpp"
#include "config/defaults.hpp"
#include "store/handover.hpp"
#include "system/child_process.hpp"
#include "system/log_process.hpp"
#include "system/machine.hpp"
#include "system/memory_file.hpp"
#include "system/posix_folder.hpp"
#include "system/process.hpp"
#include "system/tls_certificate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned state_mode = 0711;  // others pass through it to the drop folder; all else in it is closed to them
constexpr unsigned mail_root_mode = 0755;
constexpr unsigned hand_over_mode = 0700;
constexpr unsigned writable_by_all = 0002;
/// For a server that is just ending; and for the processes of one that was killed, which end as fast as the machine lets them.
constexpr Duration wait_for_predecessor = std::chrono::seconds{2};
constexpr Duration wait_for_orphans = std::chrono::seconds{20};
constexpr std::string_view lock_name = "lock";
constexpr std::size_t longest_number = 20;
constexpr Duration nap = std::chrono::milliseconds{20};
constexpr Duration keys_patience = std::chrono::seconds{30};
constexpr Duration log_patience = std::chrono::seconds{3};
// The parent goes last when memory runs out, the engine before it, the others first: they come again at no cost.
constexpr int engine_oom_score = 50;
constexpr int others_oom_score = 150;
constexpr std::size_t keys_channels = 8;
constexpr std::size_t login_channels = 9;   // as many as the engine has threads that ask
constexpr std::size_t helper_channels = 8;  // as many checks as it lets run at once

std::vector<system::ListenAddress> addresses_of(const config::Listener& listener) {
  const auto endpoints = listener.addresses.empty() ? config::everywhere(listener.port) : listener.addresses;
  std::vector<system::ListenAddress> addresses;
  for (const auto& endpoint : endpoints) addresses.push_back({endpoint, listener.interface});
  return addresses;
}

std::uint16_t number_of_keys(system::KeysPacket kind) { return static_cast<std::uint16_t>(kind); }

/// So many channels between two processes, each of which is given its ends.
Result<> join(const auto& give_one, const auto& give_other, std::size_t channels) {
  for (std::size_t count = 0; count < channels; ++count) {
    const auto ends = system::ControlChannel::make_pair();
    if (!ends) return failure(ends.error());
    if (auto given = give_one(ends->first.descriptor()); !given) return given;
    if (auto given = give_other(ends->second.descriptor()); !given) return given;
  }
  return {};
}

/// An account of its own, where the administrator has made one; else the engine's.
system::Account account_beside(const system::Account& engine, const std::string& suffix) {
  auto own = system::find_account(engine.name + suffix);
  return own ? std::move(*own) : engine;
}

Result<EngineSecrets> read_engine_secrets(const config::Configuration& configuration, world::Disk& disk) {
  auto logins = read_outgoing_logins(disk, configuration);
  if (!logins) return failure(std::move(logins.error()));
  EngineSecrets secrets{.logins = std::move(*logins), .token = {}};
  if (configuration.admin.token_file.empty()) return secrets;
  auto token = system::open_for_reading(configuration.admin.token_file);
  if (!token) return failure(std::move(token.error()).context("[admin] token_file"));
  secrets.token = std::move(*token);
  return secrets;
}

/// The lock file holds the number of the process that locked it last: not to know whether it is locked, but by whom.
bool holder_is_gone(world::Folder& state) {
  const auto file = state.open_file(lock_name, false);
  std::array<char, longest_number> text{};
  const auto length = file ? (*file)->read_at(0, text) : failure(file.error());
  pid_t holder = 0;
  if (length) std::from_chars(text.data(), text.data() + *length, holder);
  return holder > 0 && !system::is_running(holder);
}

/// Nothing depends on it but how long the next start waits.
void note_holder(world::Folder& state) {
  const auto file = state.open_file(lock_name, true);
  if (!file || !(*file)->truncate(0)) return;
  static_cast<void>((*file)->write_at(0, std::to_string(system::process_id()) + "\n"));
}

}  // namespace

Children::Children(ServeOptions options, ConfigurationText text, config::Configuration configuration)
    : options_(std::move(options)),
      served_{.text = std::move(text)},
      configuration_(std::move(configuration)),
      log_(clock_, configuration_.log.level) {}

Children::~Children() = default;

Step Children::set_up() {
  using Self = Children;
  for (const auto step :
       {&Self::lock_state, &Self::make_mail_root, &Self::bind, &Self::choose_accounts, &Self::keep_mail_root,
        &Self::open_log, &Self::make_certificate, &Self::read_secrets, &Self::load_keys, &Self::give_up_rights}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  for (const auto& warning : warnings_) log_.warning("server.warning", {{"error", warning}});
  for (const auto& exposed : find_exposed(configuration_, disk_)) {
    log_.warning("server.warning", {{"key", exposed.where}, {"error", exposed.text}});
  }
  return {};
}

/// Before any port is bound, so that a second server on the same state changes nothing (FAULTS F26).
Step Children::lock_state() {
  auto state = disk_.make_root(configuration_.state, state_mode);
  if (!state) {
    return fail_start(std::move(state.error()).context("the state folder"), ExitStatus::cannot_create);
  }
  state_ = std::move(*state);
  auto lock = state_->lock(lock_name, {});
  if (!lock && lock.error().kind == Error::Kind::in_use) {
    lock = state_->lock(lock_name, holder_is_gone(*state_) ? wait_for_orphans : wait_for_predecessor);
  }
  if (!lock && lock.error().kind == Error::Kind::in_use) {
    return fail_start({Error::Kind::in_use, configuration_.state +
                                                " is in use by a running server: stop that one first, or set "
                                                "another `state`"});
  }
  if (!lock) return fail_start(std::move(lock.error()).context("lock the state folder"));
  lock_ = std::move(*lock);
  note_holder(*state_);
  return {};
}

Step Children::make_mail_root() {
  auto root = disk_.make_root(configuration_.mailbox.root, mail_root_mode);
  if (!root) return fail_start(std::move(root.error()).context("the mail root"), ExitStatus::cannot_create);
  mail_root_ = std::move(*root);
  return {};
}

Step Children::bind() {
  std::vector<system::ListenAddress> addresses;
  for (std::size_t place = 0; place < configuration_.listeners.size(); ++place) {
    for (auto& address : addresses_of(configuration_.listeners[place])) {
      addresses.push_back(std::move(address));
      listener_of_.push_back(place);
    }
  }
  const auto give_up = after(clock_.now(), wait_for_predecessor);
  for (;;) {
    auto bound = system::bind_listeners(addresses, {.loops = loop_count(configuration_)});
    if (bound) {
      bound_ = std::move(*bound);
      return {};
    }
    const bool again = bound.error().kind == Error::Kind::in_use && clock_.now() < give_up;
    if (!again) return fail_start(std::move(bound.error()).context("listen"));
    system::pause_for(nap);
  }
}

Step Children::open_log() {
  auto started = start_log();
  if (!started) return fail_start(std::move(started.error()).context("open the log"), ExitStatus::cannot_create);
  return {};
}

Result<> Children::start_log() {
  const bool json = configuration_.log.format == config::LogFormat::json;
  std::vector<std::string> journals;
  for (const auto& listener : configuration_.listeners) journals.push_back(listener.log);
  auto process = system::LogProcess::start({.file = configuration_.log.file,
                                            .journals = std::move(journals),
                                            .format = json ? system::LogFormat::json : system::LogFormat::text,
                                            .account = log_account_});
  if (!process) return failure(std::move(process.error()));
  log_pid_ = process->pid();
  log_.connect(process->take_socket());
  log_.set_level(configuration_.log.level);
  return {};
}

Step Children::choose_accounts() {
  if (!system::is_root()) return {};
  if (configuration_.process.user.empty()) {
    warnings_.emplace_back("running as root, since [process] user is empty: for tests only");
    return {};
  }
  auto account = system::find_account(configuration_.process.user, configuration_.process.group);
  if (!account) return fail_start(std::move(account.error()), ExitStatus::configuration);
  keys_account_ = account_beside(*account, "-keys");
  log_account_ = account_beside(*account, "-log");
  helper_account_ = account_beside(*account, "-auth");
  engine_account_ = std::move(*account);
  if (auto given = give_folders(); !given) return fail_start(std::move(given.error()));
  return {};
}

/// What we made as root belongs to the account that works in it.
Result<> Children::give_folders() const {
  if (auto given = give(*state_); !given) return given;
  return configuration_.mailbox.system_users ? Result<>{} : give(*mail_root_);
}

Result<> Children::give(world::Folder& folder) const {
  const auto facts = folder.facts();
  if (!facts) return failure(facts.error());
  if (facts->user != 0 || !engine_account_) return {};
  return folder.set_owner(engine_account_->user, engine_account_->group);
}

/// Where users are system users: the mail root belongs to root, so that nobody puts something else in a user's place; only what
/// is handed over belongs to the engine.
Step Children::keep_mail_root() {
  if (!configuration_.mailbox.system_users) return {};
  if (!system::is_root()) {
    return fail_start({Error::Kind::not_permitted, "[mailbox] system_users: start the server as root, or leave it out"},
                      ExitStatus::no_permission);
  }
  const auto facts = mail_root_->facts();
  if (!facts) return fail_start(facts.error());
  const bool was_engines = engine_account_ && facts->user == engine_account_->user;
  if (facts->user != 0 && !was_engines) {
    return fail_start(
        {Error::Kind::not_permitted, mail_root_->path() + " belongs to account " + std::to_string(facts->user) +
                                         ", and must belong to root where [mailbox] system_users is set: "
                                         "change its owner"},
        ExitStatus::configuration);
  }
  if ((facts->mode & writable_by_all) != 0) {
    return fail_start(
        {Error::Kind::not_permitted, mail_root_->path() + " may be written by everybody: take that right away"},
        ExitStatus::configuration);
  }
  auto made = was_engines ? mail_root_->set_owner(0, 0) : Result<>{};
  const std::string name{store::hand_over_folder};
  if (made) made = mail_root_->make_folder(name, hand_over_mode);
  if (!made && made.error().kind != Error::Kind::exists) return fail_start(std::move(made.error()));
  const auto folder = mail_root_->open_folder(name);
  if (!folder) return fail_start(Error{folder.error()}.context("[mailbox] system_users"));
  if (auto given = give(**folder); !given) return fail_start(std::move(given.error()));
  deliver_ = deliver_settings(configuration_);
  return {};
}

/// The empty configuration encrypts already: a certificate of our own making, in the state folder, its key for us alone.
Step Children::make_certificate() {
  certificates_ = configured_certificates(configuration_);
  if (!certificates_.empty()) return {};
  const auto file = own_certificate(configuration_);
  auto made = system::ensure_certificate(file, configuration_.hostname, clock_.wall());
  if (!made) return fail_start(std::move(made.error()).context("make a certificate"), ExitStatus::cannot_create);
  certificates_ = {{.names = {}, .certificate = file, .key = {}}};
  return {};
}

Step Children::read_secrets() {
  auto secrets = read_engine_secrets(configuration_, disk_);
  if (!secrets) return fail_start(std::move(secrets.error()), ExitStatus::configuration);
  secrets_ = std::move(*secrets);
  warnings_.insert(warnings_.end(), secrets_.logins.warnings.begin(), secrets_.logins.warnings.end());
  return {};
}

Result<> Children::give_secrets(const system::WatchedChannel& engine) const {
  for (const auto& login : encode(secrets_.logins)) {
    if (auto sent = engine.send(number_of(EnginePacket::login), login.reveal()); !sent) return sent;
  }
  if (!secrets_.token.is_open()) return {};
  const int number = secrets_.token.get();
  return engine.send(number_of(EnginePacket::token), {}, {&number, 1});
}

/// The first time we wait for the answer, so that a fault ends the start.
Step Children::load_keys() {
  auto keys = start_keys();
  if (!keys) return fail_start(std::move(keys.error()));
  if (auto sent = send_identities(keys->channel); !sent) {
    return fail_start(std::move(sent.error()).context("[tls]"), ExitStatus::configuration);
  }
  const auto answer = keys->channel.receive(keys_patience);
  if (!answer) return fail_start(Error{answer.error()}.context("start the keys process"));
  auto loaded = system::decode_loaded_keys(answer->payload);
  if (!loaded) return fail_start(std::move(loaded.error()));
  if (!loaded->fault.empty()) {
    return fail_start(Error{Error::Kind::tls, shown_line(loaded->fault)}.context("[tls]"), ExitStatus::configuration);
  }
  first_expiries_ = std::move(loaded->expiries);
  if (auto done = load_users(keys->channel); !done) return done;
  first_keys_ = std::move(*keys);
  return {};
}

Step Children::load_users(const system::ControlChannel& keys) {
  auto sent = keys.send(number_of_keys(system::KeysPacket::auth_settings), encode(auth_settings(configuration_)));
  if (sent) sent = send_users_file(keys);
  if (!sent) return fail_start(std::move(sent.error()).context("reading the users"), ExitStatus::no_input);
  auto answer = keys.receive(keys_patience);
  if (!answer) return fail_start(Error{answer.error()}.context("start the keys process"));
  if (auto taken = take_names(std::move(*answer)); !taken) {
    return fail_start(std::move(taken.error()).context("reading the users"), ExitStatus::no_input);
  }
  return {};
}

Step Children::give_up_rights() {
  if (!engine_account_) return {};
  if (auto kept = system::keep_parent_rights(needs_deliver()); !kept) return fail_start(std::move(kept.error()));
  return {};
}

Result<system::RoleProcess> Children::start_keys() const {
  return system::start_role({.name = "posthorn-keys",
                             .arguments = {"serve-keys", std::string{to_text(configuration_.process.sandbox)}},
                             .account = keys_account_,
                             .oom_score = others_oom_score,
                             .kept = {}});
}

bool Children::needs_helper() const {
  return std::ranges::any_of(auth_settings(configuration_).sources, &system::AuthSettings::Source::is_elsewhere);
}

Result<system::RoleProcess> Children::start_helper() const {
  auto started = system::start_role({.name = "posthorn-auth",
                                     .arguments = {"serve-auth", std::string{to_text(configuration_.process.sandbox)}},
                                     .account = helper_account_,
                                     .oom_score = others_oom_score,
                                     .kept = {}});
  if (!started) return started;
  const auto settings = encode(auth_settings(configuration_));
  auto sent = started->channel.send(number_of_keys(system::KeysPacket::auth_settings), settings);
  if (!sent) return failure(std::move(sent.error()));
  return started;
}

Result<system::RoleProcess> Children::start_deliver() const {
  auto started = system::start_role({.name = "posthorn-deliv",
                                     .arguments = {"serve-deliver"},
                                     .account = {},
                                     .oom_score = others_oom_score,
                                     .kept = {}});
  if (!started) return started;
  const int lock = system::descriptor_of(*lock_);
  auto sent = started->channel.send(deliver_settings_packet, encode(*deliver_), {&lock, 1});
  if (!sent) return failure(std::move(sent.error()));
  return started;
}

Result<> Children::connect_deliver(const system::WatchedChannel& engine, const system::WatchedChannel& deliver) {
  const auto kind = static_cast<std::uint16_t>(system::WorkPacket::channel);
  const auto to_deliver = [&](int end) { return deliver.send(kind, {}, {&end, 1}); };
  const auto for_engine = [&](int end) { return engine.send(number_of(EnginePacket::deliver_channel), {}, {&end, 1}); };
  return join(to_deliver, for_engine, 1);
}

Result<system::RoleProcess> Children::start_engine() const {
  auto arguments = options_.words;
  arguments.insert(arguments.begin(), "serve-engine");
  // The engine holds the lock, too: it lasts as long as anybody may write into the state.
  return system::start_role({.name = "posthorn-engine",
                             .arguments = std::move(arguments),
                             .account = engine_account_,
                             .oom_score = engine_oom_score,
                             .kept = {system::descriptor_of(*lock_)}});
}

Result<> Children::give_configuration(const system::WatchedChannel& engine, bool is_first) const {
  const auto text = system::make_memory_file("configuration", served_.text.text);
  if (!text) return failure(text.error());
  if (auto given = give_secrets(engine); !given) return given;
  const int number = text->get();
  return engine.send(number_of(is_first ? EnginePacket::configuration : EnginePacket::reload), encode(served_),
                     {&number, 1});
}

Result<> Children::give_log(const system::WatchedChannel& engine) const {
  const int number = log_.descriptor();
  return engine.send(number_of(EnginePacket::log_channel), {}, {&number, 1});
}

Result<> Children::connect(const system::WatchedChannel& engine, const system::WatchedChannel& keys) {
  const auto to_keys = [&](int end) { return keys.send(number_of_keys(system::KeysPacket::channel), {}, {&end, 1}); };
  const auto for_keys = [&](int end) { return engine.send(number_of(EnginePacket::keys_channel), {}, {&end, 1}); };
  const auto for_logins = [&](int end) { return engine.send(number_of(EnginePacket::login_channel), {}, {&end, 1}); };
  auto done = join(to_keys, for_keys, keys_channels);
  if (done) done = join(to_keys, for_logins, login_channels);
  return done;
}

Result<> Children::connect_helper(const system::WatchedChannel& keys, const system::WatchedChannel& helper) {
  const auto to_keys = [&](int end) { return keys.send(number_of_keys(system::KeysPacket::helper), {}, {&end, 1}); };
  const auto to_helper = [&](int end) {
    return helper.send(number_of_keys(system::KeysPacket::channel), {}, {&end, 1});
  };
  return join(to_keys, to_helper, helper_channels);
}

Result<> Children::equip_engine(const system::WatchedChannel& engine, const system::WatchedChannel& keys,
                                const system::WatchedChannel* deliver) const {
  auto done = give_configuration(engine, true);
  for (std::size_t place = 0; place < bound_.size(); ++place) {
    const auto payload = encode(BoundSocket{.address = static_cast<std::uint32_t>(place),
                                            .listener = static_cast<std::uint32_t>(listener_of_[place])});
    for (const auto& socket : bound_[place].sockets) {
      const int number = socket.get();
      if (done) done = engine.send(number_of(EnginePacket::listener), payload, {&number, 1});
    }
  }
  if (done) done = give_log(engine);
  if (done) done = give_names(engine);
  if (done) done = connect(engine, keys);
  if (done && deliver != nullptr) done = connect_deliver(engine, *deliver);
  if (done) done = engine.send(number_of(EnginePacket::start));
  return done;
}

template <class Channel>
Result<> Children::send_identities(const Channel& keys) {
  auto marks = system::marks_of(certificates_);
  if (!marks) return failure(std::move(marks.error()));
  marks_ = std::move(*marks);  // whatever comes of it: a fault is not tried again before something changes
  for (const auto& files : certificates_) {
    const auto certificate = system::open_for_reading(files.certificate);
    if (!certificate) return failure(certificate.error());
    const auto key = system::open_for_reading(files.key_file());
    if (!key) return failure(key.error());
    const std::array numbers{certificate->get(), key->get()};
    if (auto sent = keys.send(number_of_keys(system::KeysPacket::identity), system::encode(files), numbers); !sent) {
      return sent;
    }
  }
  return keys.send(number_of_keys(system::KeysPacket::load), {});
}

Result<> Children::send_certificates(const system::WatchedChannel& keys) { return send_identities(keys); }

template <class Channel>
Result<> Children::send_users_file(const Channel& keys) {
  const auto& path = configuration_.mailbox.users;
  // Whatever comes of it: a fault is not tried again before something changes.
  users_mark_ = store::mark_of(disk_, path);
  if (!users_mark_.is_there && !path.empty()) {
    log_.warning("directory.missing", {{"file", path}, {"what_to_do", "make it, or it counts as empty"}});
  }
  const auto kind = number_of_keys(system::KeysPacket::users);
  auto file = system::open_without_links(path);
  if (!file && file.error().kind == Error::Kind::not_found) return keys.send(kind, encode(users_mark_));
  if (!file) return failure(std::move(file.error()));
  const int number = file->get();
  return keys.send(kind, encode(users_mark_), {&number, 1});
}

Result<> Children::send_users(const system::WatchedChannel& keys) { return send_users_file(keys); }

Result<> Children::send_accounts(const system::WatchedChannel& keys) {
  const auto settings = encode(auth_settings(configuration_));
  if (auto sent = keys.send(number_of_keys(system::KeysPacket::auth_settings), settings); !sent) return sent;
  return send_users_file(keys);
}

bool Children::users_have_changed() { return store::mark_of(disk_, configuration_.mailbox.users) != users_mark_; }

Result<> Children::take_names(system::ControlPacket packet) {
  if (packet.kind == number_of_keys(system::KeysPacket::fault)) {
    return failure(Error::Kind::invalid, shown_line(packet.payload));
  }
  if (packet.kind != number_of_keys(system::KeysPacket::users_read) || packet.descriptors.size() != 1) {
    return failure(Error::Kind::corrupt, "the keys process answers with something else than names");
  }
  names_mark_ = std::move(packet.payload);
  names_ = std::move(packet.descriptors.front());
  return {};
}

Result<> Children::give_names(const system::WatchedChannel& engine) const {
  const int number = names_.get();
  return engine.send(number_of(EnginePacket::users), names_mark_, {&number, 1});
}

Result<> Children::change_configuration(ServedConfiguration served, config::Configuration configuration) {
  auto secrets = read_engine_secrets(configuration, disk_);
  if (!secrets) return failure(std::move(secrets.error()));
  for (const auto& warning : secrets->logins.warnings) log_.warning("server.warning", {{"error", warning}});
  secrets_ = std::move(*secrets);
  served_ = std::move(served);
  configuration_ = std::move(configuration);
  certificates_ = configured_certificates(configuration_);
  if (certificates_.empty()) {
    certificates_ = {{.names = {}, .certificate = own_certificate(configuration_), .key = {}}};
  }
  return {};
}

void Children::end_log() {
  log_.connect({});
  if (log_pid_ > 0) static_cast<void>(system::wait_for_child(log_pid_, log_patience));
}

}  // namespace posthorn::cli
