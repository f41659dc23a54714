#include "cli/serve_world.hpp"

#include "cli/check_files.hpp"
#include "cli/directory_settings.hpp"
#include "config/defaults.hpp"
#include "store/maildir.hpp"
#include "store/numbered.hpp"
#include "system/machine.hpp"
#include "system/process.hpp"
#include "system/tls_certificate.hpp"
#include "world/wait.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned file_workers = 8;  // for mailboxes, body files and reading: as many syncs at once as a disk gains from
constexpr Duration certificate_watch = std::chrono::seconds{1};
constexpr unsigned state_mode = 0700;
constexpr unsigned mail_root_mode = 0755;
constexpr std::string_view too_many_files = "421 4.3.2 too many connections now, try again later\r\n";

std::unexpected<StartFailure> fail(Error error, ExitStatus otherwise = ExitStatus::system_fault) {
  return std::unexpected(start_failure(std::move(error), otherwise));
}

unsigned loop_count(const config::Configuration& configuration) {
  return configuration.limits.threads == 0 ? system::processors() : configuration.limits.threads;
}

std::vector<system::ListenAddress> addresses_of(const config::Listener& listener) {
  const auto endpoints = listener.addresses.empty() ? config::everywhere(listener.port) : listener.addresses;
  std::vector<system::ListenAddress> addresses;
  for (const auto& endpoint : endpoints) addresses.push_back({endpoint, listener.interface});
  return addresses;
}

store::MailboxSettings mailbox_settings(const config::Configuration& configuration) {
  return {.root = configuration.mailbox.root, .account = {system::user_id(), system::group_id()}};
}

system::TlsIdentitySettings certificate_settings(const config::Configuration& configuration) {
  system::TlsIdentitySettings settings{.only_tls_1_3 = configuration.tls.minimum == config::TlsVersion::tls_1_3};
  if (!configuration.tls.certificate.empty()) {
    settings.identities.push_back({.certificate = configuration.tls.certificate, .key = configuration.tls.key});
  }
  for (const auto& identity : configuration.tls.identities) {
    settings.identities.push_back({identity.names, identity.certificate, identity.key});
  }
  return settings;
}

Result<std::shared_ptr<const Secret>> read_token_file(const std::string& path) {
  constexpr std::size_t longest = 4096;
  constexpr std::size_t shortest = 16;
  auto text = system::read_file(path, longest);
  if (!text) return failure(std::move(text.error()));
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->size() < shortest) {
    return failure(Error::Kind::invalid, path + ": a token has at least 16 characters: openssl rand -hex 24 > " + path);
  }
  return std::make_shared<const Secret>(std::move(*text));
}

}  // namespace

StartFailure start_failure(Error error, ExitStatus otherwise) {
  auto status = otherwise;
  if (error.kind == Error::Kind::not_permitted || error.kind == Error::Kind::is_link) status = ExitStatus::no_permission;
  if (error.kind == Error::Kind::in_use) status = ExitStatus::temporary;
  if (error.kind == Error::Kind::unsupported) status = ExitStatus::configuration;
  return {status, std::move(error)};
}

ServeWorld::ServeWorld(config::Configuration configuration, bool adopt_spool)
    : configuration_(std::move(configuration)),
      adopt_spool_(adopt_spool),
      routing_(nullptr) {}

ServeWorld::~ServeWorld() = default;

Step ServeWorld::set_up() {
  using Self = ServeWorld;
  for (const auto step : {&Self::fit_descriptors, &Self::lock_state, &Self::make_mail_root, &Self::bind, &Self::bind_control_http,
                          &Self::start_log, &Self::load_certificates, &Self::read_token, &Self::read_logins,
                          &Self::become_user, &Self::check_outgoing_certificate, &Self::bind_control_socket,
                          &Self::make_certificate, &Self::start_workers, &Self::make_auth_sources, &Self::read_directory,
                          &Self::make_loops,
                          &Self::make_acceptors, &Self::make_local_delivery, &Self::make_remote_delivery,
                          &Self::make_control, &Self::make_server}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  return {};
}

/// A low limit lowers the number of connections; it never refuses the start.
Step ServeWorld::fit_descriptors() {
  const auto limit = system::raise_descriptor_limit();
  if (!limit) return fail(limit.error());
  const auto wanted = configuration_.limits.connections;
  const auto budget = system::divide_descriptors(*limit, wanted, loop_count(configuration_));
  if (budget.incoming >= wanted) return {};
  configuration_.limits.connections = static_cast<std::uint32_t>(budget.incoming);
  warnings_.push_back("the limit of open files allows " + std::to_string(budget.incoming) + " connections, not " +
                      std::to_string(wanted) + ": raise it (LimitNOFILE= in the unit, ulimit -n)");
  return {};
}

/// Before any port is bound, so that a second server on the same state changes nothing (FAULTS F26).
Step ServeWorld::lock_state() {
  auto state = disk_.make_root(configuration_.state, state_mode);
  if (!state) return fail(std::move(state.error()).context("the state folder"), ExitStatus::cannot_create);
  state_ = std::move(*state);
  auto lock = state_->lock("lock");
  if (!lock && lock.error().kind == Error::Kind::in_use) {
    return fail({Error::Kind::in_use,
                 configuration_.state + " is in use by a running server: stop that one first, or set another `state`"});
  }
  if (!lock) return fail(std::move(lock.error()).context("lock the state folder"));
  lock_ = std::move(*lock);
  return {};
}

Step ServeWorld::make_mail_root() {
  auto root = disk_.make_root(configuration_.mailbox.root, mail_root_mode);
  if (!root) return fail(std::move(root.error()).context("the mail root"), ExitStatus::cannot_create);
  mail_root_ = std::move(*root);
  return {};
}

Step ServeWorld::bind() {
  std::vector<system::ListenAddress> addresses;
  for (std::size_t place = 0; place < configuration_.listeners.size(); ++place) {
    for (auto& address : addresses_of(configuration_.listeners[place])) {
      addresses.push_back(std::move(address));
      listener_of_.push_back(place);
    }
  }
  auto bound = system::bind_listeners(addresses, {.loops = loop_count(configuration_)});
  if (!bound) return fail(std::move(bound.error()).context("listen"));
  bound_ = std::move(*bound);
  return {};
}

Step ServeWorld::bind_control_http() {
  if (!configuration_.admin.http) return {};
  const std::vector<system::ListenAddress> addresses{{*configuration_.admin.http, {}}};
  auto bound = system::bind_listeners(addresses, {});
  if (!bound) return fail(std::move(bound.error()).context("[admin] http"));
  bound_control_.push_back(std::move(bound->front()));
  return {};
}

/// By the account that works here: what it may not make, nobody makes for it in a folder of its own.
Step ServeWorld::bind_control_socket() {
  const std::vector<system::ListenAddress> addresses{{world::UnixPath{configuration_.admin.socket}, {}}};
  auto bound = system::bind_listeners(addresses, {});
  if (!bound) return fail(std::move(bound.error()).context("[admin] socket"), ExitStatus::cannot_create);
  bound_control_.push_back(std::move(bound->front()));
  return {};
}

/// While we may still read what only root may.
Step ServeWorld::read_token() {
  if (configuration_.admin.token_file.empty()) return {};
  auto token = read_token_file(configuration_.admin.token_file);
  if (!token) return fail(std::move(token.error()).context("[admin] token_file"), ExitStatus::configuration);
  token_ = std::move(*token);
  return {};
}

/// A child of its own, forked while there are no threads.
Step ServeWorld::start_log() {
  const bool json = configuration_.log.format == config::LogFormat::json;
  auto process = system::LogProcess::start({.file = configuration_.log.file,
                                            .format = json ? system::LogFormat::json : system::LogFormat::text,
                                            .account = {}});
  if (!process) return fail(std::move(process.error()).context("open the log"), ExitStatus::cannot_create);
  log_process_ = std::move(*process);
  return {};
}

/// Those that are set, while we may still read what only root may.
Step ServeWorld::load_certificates() {
  if (configuration_.tls.certificate.empty() && configuration_.tls.identities.empty()) return {};
  auto loaded = system::TlsIdentityStore::load(certificate_settings(configuration_), clock_.now());
  if (!loaded) return fail(std::move(loaded.error()).context("[tls]"), ExitStatus::configuration);
  certificates_ = std::move(*loaded);
  return {};
}

/// The passwords for other servers, too.
Step ServeWorld::read_logins() {
  auto logins = read_outgoing_logins(disk_, configuration_);
  if (!logins) return fail(std::move(logins.error()), ExitStatus::configuration);
  routing_.replace(make_routing(configuration_, *logins));
  return {};
}

/// Read at each handshake, by the account that we have become.
Step ServeWorld::check_outgoing_certificate() {
  if (auto readable = check_client_certificate(disk_, configuration_.remote); !readable) {
    return fail(std::move(readable.error()), ExitStatus::configuration);
  }
  return {};
}

/// The empty configuration encrypts already: a certificate of our own making, in the state folder.
Step ServeWorld::make_certificate() {
  if (certificates_) return {};
  const auto file = configuration_.state + "/tls.pem";
  auto made = system::ensure_certificate(file, configuration_.hostname, clock_.wall());
  if (!made) return fail(std::move(made.error()).context("make a certificate"), ExitStatus::cannot_create);
  auto loaded = system::TlsIdentityStore::load({.identities = {{.certificate = file}}}, clock_.now());
  if (!loaded) return fail(std::move(loaded.error()).context("[tls]"));
  certificates_ = std::move(*loaded);
  return {};
}

Step ServeWorld::become_user() {
  if (!system::is_root()) return {};
  if (configuration_.process.user.empty()) {
    warnings_.emplace_back("running as root, since [process] user is empty: for tests only");
    return {};
  }
  const auto account = system::find_account(configuration_.process.user, configuration_.process.group);
  if (!account) return fail(account.error(), ExitStatus::configuration);
  if (auto given = give_folders(*account); !given) return fail(std::move(given.error()));
  if (auto changed = system::become(*account); !changed) return fail(std::move(changed.error()));
  return {};
}

/// What we made as root belongs to the account that works in it.
Result<> ServeWorld::give_folders(const system::Account& account) {
  for (auto* folder : {state_.get(), mail_root_.get()}) {
    const auto facts = folder->facts();
    if (!facts) return failure(facts.error());
    if (facts->user != 0) continue;
    if (auto given = folder->set_owner(account.user, account.group); !given) return given;
  }
  return {};
}

Step ServeWorld::start_workers() {
  log_ = std::make_unique<system::QueuedLog>(clock_, log_process_->take_socket(),
                                             system::QueuedLogSettings{.level = configuration_.log.level});
  workers_ = std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"files", file_workers});
  commit_worker_ = std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"spool", 1});
  handshake_workers_ =
      std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"handshakes", system::processors()});
  report_start();
  return {};
}

/// PAM and Dovecot make a thread wait; the users file only makes it work.
Step ServeWorld::make_auth_sources() {
  constexpr unsigned least_checks = 2;
  constexpr unsigned waiting_checks = 8;
  const bool waits = std::ranges::any_of(configuration_.auth.sources, [](const auto& source) {
    return source.kind != config::AuthSource::Kind::users_file;
  });
  login_checks_ = waits ? waiting_checks : std::max(least_checks, system::processors());
  auth_ = std::make_unique<AuthSources>(configuration_, disk_, KeyedHash::Key{random_.next(), random_.next()}, login_checks_);
  return {};
}

void ServeWorld::report_start() {
  log_->info("server.starting", {{"version", POSTHORN_VERSION}, {"hostname", configuration_.hostname}});
  for (const auto& warning : warnings_) log_->warning("server.warning", {{"error", warning}});
  for (const auto& exposed : find_exposed(configuration_, disk_)) {
    log_->warning("server.warning", {{"key", exposed.where}, {"error", exposed.text}});
  }
}

Step ServeWorld::read_directory() {
  const auto settings = directory_settings(configuration_);
  auto loaded = store::load_directory(disk_, settings);
  if (!loaded) return fail(std::move(loaded.error()), ExitStatus::no_input);
  for (const auto& fault : loaded->faults) log_->warning("directory.fault", {{"error", fault.to_string()}});
  for (const auto& path : loaded->missing) {
    log_->warning("directory.missing", {{"file", path}, {"what_to_do", "make it, or it counts as empty"}});
  }
  directory_ = std::make_unique<service::DirectorySource>(std::move(loaded->directory),
                                                          directory_reader(std::move(loaded->marks)), *workers_, *log_);
  routes_ = std::make_unique<service::DirectoryRoutes>(*directory_, routing_);
  return {};
}

/// Without marks the files are read at its first call, whether they have changed or not.
service::DirectorySource::Reader ServeWorld::directory_reader(std::optional<std::vector<store::FileMark>> marks) const {
  return [this, settings = directory_settings(configuration_),
          known = std::move(marks)]() mutable -> Result<std::shared_ptr<const rules::Directory>> {
    if (known && !store::has_changed(disk_, *known)) return nullptr;
    auto loaded = store::load_directory(disk_, settings);
    if (!loaded) return failure(loaded.error());
    for (const auto& fault : loaded->faults) log_->warning("directory.fault", {{"error", fault.to_string()}});
    known = std::move(loaded->marks);
    return std::move(loaded->directory);
  };
}

Step ServeWorld::make_loops() {
  for (unsigned count = loop_count(configuration_); count > 0; --count) {
    auto loop = system::EventLoop::make(clock_);
    if (!loop) return fail(std::move(loop.error()).context("make an event loop"));
    loops_.push_back(std::move(*loop));
    environments_.push_back(std::make_unique<system::StreamEnvironment>(*loops_.back(), *handshake_workers_));
  }
  return {};
}

Step ServeWorld::make_acceptors() {
  for (std::size_t number = 0; number < loops_.size(); ++number) {
    auto& loop = *loops_[number];
    std::vector<service::LoopAcceptor> acceptors;
    for (std::size_t place = 0; place < bound_.size(); ++place) {
      auto acceptor = system::SocketAcceptor::make(*environments_[number], std::move(bound_[place].sockets.at(number)),
                                                   bound_[place].local, std::string(too_many_files));
      if (!acceptor) return fail(std::move(acceptor.error()).context("listen"));
      acceptors.push_back({listener_of_[place], std::move(*acceptor)});
    }
    loop_worlds_.push_back({loop, std::move(acceptors)});
  }
  return {};
}

Step ServeWorld::make_local_delivery() {
  const auto mailbox = mailbox_settings(configuration_);
  if (configuration_.mailbox.format == config::MailboxFormat::numbered) {
    mailboxes_ = std::make_unique<store::NumberedFormat>(disk_, mailbox);
  } else {
    mailboxes_ = std::make_unique<store::MaildirFormat>(disk_, mailbox);
  }
  const service::LocalDelivery::World world{home(), *workers_, *log_};
  local_delivery_ = std::make_unique<service::LocalDelivery>(world, *mailboxes_, service::LocalDeliverySettings{});
  hand_over_folders_ = std::make_unique<store::HandOverFormat>(disk_, mailbox);
  hand_over_ = std::make_unique<service::LocalDelivery>(
      world, std::make_unique<service::HandOverPlaces>(*hand_over_folders_), service::LocalDeliverySettings{});
  return {};
}

Step ServeWorld::make_remote_delivery() {
  auto dns = system::DnsService::make(
      {.servers = configuration_.dns.servers, .trust_anchor = configuration_.dns.trust_anchor}, clock_, *log_);
  if (!dns) return fail(std::move(dns.error()).context("[dns]"), ExitStatus::configuration);
  dns_ = std::move(*dns);
  resolver_ = std::make_unique<system::UnboundResolver>(home(), *dns_);
  network_ = std::make_unique<system::SocketNetwork>(*environments_.front());
  remote_delivery_ = std::make_unique<service::RemoteDelivery>(
      service::RemoteDelivery::World{home(), *network_, *resolver_, random_, *log_, hand_over_.get()}, routing_,
      make_remote_settings(configuration_, bound_endpoints()));
  return {};
}

Step ServeWorld::make_control() {
  explainer_ = std::make_unique<service::Explainer>(
      service::Explainer::World{home(), *resolver_, random_, [this] { return directory_->current(); }, routing_},
      make_explainer_settings(configuration_, bound_endpoints()));
  for (auto& bound : bound_control_) {
    auto acceptor = system::SocketAcceptor::make(*environments_.front(), std::move(bound.sockets.front()), bound.local);
    if (!acceptor) return fail(std::move(acceptor.error()).context("[admin]"));
    control_.push_back(std::move(*acceptor));
  }
  return {};
}

/// Where we listen, so that mail that would come back to us is found out.
std::vector<Endpoint> ServeWorld::bound_endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const auto& bound : bound_) {
    const auto* local = std::get_if<Endpoint>(&bound.local);
    if (local != nullptr && !local->address.is_unspecified()) endpoints.push_back(*local);
  }
  return endpoints;
}

Step ServeWorld::make_server() {
  auto settings = make_server_settings(configuration_, {certificates_}, system::machine_identity());
  settings.spool.adopt = adopt_spool_;
  settings.control.account = system::user_id();
  settings.control.token = token_;
  settings.login.checks = login_checks_;
  server_ = std::make_unique<service::Server>(service::ServerWorld{.loops = std::move(loop_worlds_),
                                                                   .disk = disk_,
                                                                   .commit_worker = *commit_worker_,
                                                                   .workers = *workers_,
                                                                   .log = *log_,
                                                                   .clock = clock_,
                                                                   .random = random_,
                                                                   .process = system::process_id(),
                                                                   .control = std::move(control_)},
                                              std::move(settings),
                                              service::Server::Parts{*directory_, *routes_, *local_delivery_,
                                                                     remote_delivery_.get(), explainer_.get(),
                                                                     &auth_->authenticator(), forward_source()});
  return {};
}

/// Of the configuration at the start.
service::ForwardSource ServeWorld::forward_source() const {
  const auto& name = configuration_.mailbox.forward_file;
  if (name.empty()) return {};
  const auto mailbox = mailbox_settings(configuration_);
  const store::ForwardPlace place{mailbox.root, name, mailbox.account};
  return [this, place](const std::string& user) -> Result<std::optional<store::Forward>> {
    const auto name_of_user = mail::UserName::parse(user);
    if (!name_of_user) return std::nullopt;
    return store::read_forward(disk_, place, *name_of_user);
  };
}

ExitStatus ServeWorld::run(world::Task<ExitStatus> life) {
  std::vector<system::Thread> threads;
  for (auto loop = loops_.begin() + 1; loop != loops_.end(); ++loop) {
    threads.emplace_back("loop", [&each = **loop] { each.run(); });
  }
  const auto status = system::run_to_end(home(), std::move(life));
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads) thread.join();
  end_threads();
  return status;
}

/// What was still under way when the time was over is destroyed with its tasks; first no other thread may know of it.
void ServeWorld::end_threads() {
  handshake_workers_->end();
  auth_->end();
  commit_worker_->end();
  workers_->end();
  dns_.reset();
}

std::string ServeWorld::listening_text() const {
  std::string text;
  for (std::size_t place = 0; place < bound_.size(); ++place) {
    const auto* local = std::get_if<Endpoint>(&bound_[place].local);
    if (local == nullptr) continue;
    const auto& listener = configuration_.listeners.at(listener_of_[place]);
    if (!text.empty()) text += ", ";
    text += std::string(to_text(listener.role)) + " " + local->to_string();
    if (!listener.interface.empty()) text += " on " + listener.interface;
  }
  return text;
}

world::Task<> ServeWorld::watch_certificates(world::Event& end) {
  std::string last_fault;
  while (!co_await end.wait(after(home().now(), certificate_watch))) {
    const auto changed =
        co_await world::on_workers(*workers_, home(), [this] { return certificates_->refresh(clock_.now()); });
    auto fault = changed ? std::string{} : changed.error().text;
    if (!fault.empty() && fault != last_fault) {
      log_->error("tls.unreadable",
                  {{"error", fault}, {"what_to_do", "mend the file; until then the old certificate is shown"}});
    }
    if (changed && *changed) log_->info("tls.read", {});
    last_fault = std::move(fault);
  }
}

/// One that cannot be read any more (we are not root now) keeps the one before.
void ServeWorld::reload_token() {
  const auto& file = configuration_.admin.token_file;
  auto token = file.empty() ? Result<std::shared_ptr<const Secret>>{nullptr} : read_token_file(file);
  if (token) {
    server_->control().change_token(std::move(*token));
  } else {
    log_->error("token.unreadable", {{"error", token.error().text},
                                     {"what_to_do", "let the server's account read it; until then the old one counts"}});
  }
}

world::Task<> ServeWorld::reload(config::Configuration configuration) {
  if (configuration.listeners.size() != configuration_.listeners.size() || configuration.state != configuration_.state) {
    log_->error("configuration.needs_restart", {{"error", "`listener` and `state` cannot change while the server runs"},
                                                {"what_to_do", "restart the server; until then nothing changes"}});
    co_return;
  }
  auto logins = co_await world::on_workers(
      *workers_, home(), [this, &configuration] { return read_outgoing_logins(disk_, configuration); });
  if (!logins) {
    log_->error("configuration.refused", {{"error", logins.error().text},
                                          {"what_to_do", "mend the file; until then nothing changes"}});
    co_return;
  }
  for (const auto& warning : logins->warnings) log_->warning("server.warning", {{"error", warning}});
  configuration_ = std::move(configuration);
  routing_.replace(make_routing(configuration_, *logins));
  remote_delivery_->change(make_remote_settings(configuration_, bound_endpoints()));
  server_->reload(make_policy(configuration_, {certificates_}), make_connection_limits(configuration_));
  auth_->change(configuration_);
  directory_->change_reader(directory_reader(std::nullopt));
  co_await directory_->refresh_now(home());
  reload_token();
  log_->set_level(configuration_.log.level);
  log_->set_format(configuration_.log.format == config::LogFormat::json ? system::LogFormat::json
                                                                        : system::LogFormat::text);
  log_->reopen();
  log_->info("configuration.reloaded", {});
}

}  // namespace posthorn::cli
