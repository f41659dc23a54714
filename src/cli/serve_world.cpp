#include "cli/serve_world.hpp"

#include "cli/directory_settings.hpp"
#include "cli/listener_order.hpp"
#include "cli/serve_mailboxes.hpp"
#include "config/advice.hpp"
#include "system/machine.hpp"
#include "system/memory_file.hpp"
#include "system/own_user.hpp"
#include "system/process.hpp"
#include "world/wait.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned file_workers =
    8;  // for mailboxes, body files and reading: as many syncs at once as a disk gains from
constexpr Duration login_patience = std::chrono::seconds{30};  // for one step, in the keys process and behind it
constexpr std::size_t longest_token = 4'096;
constexpr Duration certificate_watch = std::chrono::seconds{1};
constexpr std::string_view too_many_files = "421 4.3.2 too many connections now, try again later\r\n";

Result<std::shared_ptr<const Secret>> to_token(Result<std::string> text, const std::string& path) {
  constexpr std::size_t shortest = 16;
  if (!text) return failure(std::move(text.error()));
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->size() < shortest) {
    return failure(Error::Kind::invalid, path + ": a token has at least 16 characters: openssl rand -hex 24 > " + path);
  }
  return std::make_shared<const Secret>(std::move(*text));
}

world::LogLevel level_of(const config::Configuration& configuration, std::size_t listener) {
  return configuration.listeners.at(listener).log_level.value_or(configuration.log.level);
}

}  // namespace

ServeWorld::ServeWorld(config::Configuration configuration, EngineEquipment equipment, bool adopt_spool)
    : configuration_(std::move(configuration)),
      equipment_(std::move(equipment)),
      adopt_spool_(adopt_spool),
      routing_(nullptr) {}

ServeWorld::~ServeWorld() = default;

Step ServeWorld::set_up() {
  using Self = ServeWorld;
  for (const auto step :
       {&Self::fit_descriptors, &Self::take_listeners, &Self::bind_control_http, &Self::read_token, &Self::take_logins,
        &Self::check_outgoing_certificate, &Self::make_drop, &Self::bind_control_socket, &Self::start_workers,
        &Self::fetch_certificates, &Self::make_authenticator, &Self::read_directory, &Self::make_loops,
        &Self::make_acceptors, &Self::make_local_delivery, &Self::make_remote_delivery, &Self::make_control,
        &Self::make_server}) {
    if (auto done = (this->*step)(); !done) return done;
  }
  return {};
}

Step ServeWorld::fit_descriptors() {
  const auto limit = system::raise_descriptor_limit();
  if (!limit) return fail_start(limit.error());
  descriptor_limit_ = *limit;
  fit_connections();
  return {};
}

/// A low limit lowers the number of connections; it never refuses the start.
void ServeWorld::fit_connections() {
  const auto wanted = configuration_.limits.connections;
  const auto budget = system::divide_descriptors(descriptor_limit_, wanted, loop_count(configuration_));
  if (budget.incoming >= wanted) return;
  configuration_.limits.connections = static_cast<std::uint32_t>(budget.incoming);
  warnings_.push_back("the limit of open files allows " + std::to_string(budget.incoming) + " connections, not " +
                      std::to_string(wanted) + ": raise it (LimitNOFILE= in the unit, ulimit -n)");
}

/// They listen already: each loop has one socket of each address, in the order of the addresses.
Step ServeWorld::take_listeners() {
  std::map<std::uint32_t, std::vector<system::Descriptor>> sockets;
  std::map<std::uint32_t, std::size_t> listeners;
  for (auto& [place, socket] : equipment_.listeners) {
    listeners[place.address] = place.listener;
    sockets[place.address].push_back(std::move(socket));
  }
  for (auto& [address, of_loops] : sockets) {
    const auto listener = listeners.at(address);
    if (of_loops.size() != loop_count(configuration_) || listener >= configuration_.listeners.size()) {
      return fail_start({Error::Kind::invalid, "the engine was given other sockets than it is to serve"});
    }
    listener_of_.push_back(listener);
    bound_.push_back(system::adopt_listener(std::move(of_loops)));
  }
  return {};
}

Step ServeWorld::bind_control_http() {
  if (!configuration_.admin.http) return {};
  const std::vector<system::ListenAddress> addresses{{*configuration_.admin.http, {}}};
  auto bound = system::bind_listeners(addresses, {});
  if (!bound) return fail_start(std::move(bound.error()).context("[admin] http"));
  bound_control_.push_back(std::move(bound->front()));
  return {};
}

/// By the account that works here: what it may not make, nobody makes for it in a folder of its own.
Step ServeWorld::bind_control_socket() {
  const std::vector<system::ListenAddress> addresses{{world::UnixPath{configuration_.admin.socket}, {}}};
  auto bound = system::bind_listeners(addresses, {});
  if (!bound) return fail_start(std::move(bound.error()).context("[admin] socket"), ExitStatus::cannot_create);
  bound_control_.push_back(std::move(bound->front()));
  return {};
}

/// From the file that our parent opened, which may read what only root may.
Step ServeWorld::read_token() {
  const auto& file = configuration_.admin.token_file;
  if (file.empty()) return {};
  auto token = to_token(system::read_whole(equipment_.secrets.token, file, longest_token), file);
  if (!token) return fail_start(std::move(token.error()).context("[admin] token_file"), ExitStatus::configuration);
  token_ = std::move(*token);
  return {};
}

/// From what our parent has read, which may read what only root may.
Step ServeWorld::take_logins() {
  routing_.replace(make_routing(configuration_, equipment_.secrets.logins));
  return {};
}

/// Without it the server works, but for the mail of programs on this machine.
Step ServeWorld::make_drop() {
  auto drop = store::DropFolder::open(disk_, configuration_.sendmail.folder);
  if (!drop) {
    warnings_.push_back("mail that programs hand in by sendmail is not picked up: " + drop.error().text);
    return {};
  }
  const auto facts = drop->folder().facts();
  if (facts && (facts->mode & store::drop_folder_mode) != store::drop_folder_mode) {
    warnings_.push_back(configuration_.sendmail.folder + ": not everybody may hand in mail there: chmod 3777");
  }
  drop_ = std::move(*drop);
  return {};
}

/// Read at each handshake, by the account that we have become.
Step ServeWorld::check_outgoing_certificate() {
  if (auto readable = check_client_certificate(disk_, configuration_.remote); !readable) {
    return fail_start(std::move(readable.error()), ExitStatus::configuration);
  }
  return {};
}

/// The log process has a file for each number whose listener names one (cli/children).
void ServeWorld::make_listener_logs() {
  for (std::size_t place = 0; place < configuration_.listeners.size(); ++place) {
    const auto number = static_cast<system::JournalNumber>(place + 1);
    listener_logs_.push_back(std::make_unique<system::JournalLog>(*log_, number, level_of(configuration_, place)));
  }
}

Step ServeWorld::start_workers() {
  log_ = std::make_unique<system::QueuedLog>(clock_, std::move(equipment_.log),
                                             system::QueuedLogSettings{.level = configuration_.log.level});
  make_listener_logs();
  workers_ = std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"files", file_workers});
  commit_worker_ = std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"spool", 1});
  handshake_workers_ =
      std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"handshakes", system::processors()});
  report_start();
  return {};
}

/// The keys stay where they are.
Step ServeWorld::fetch_certificates() {
  for (auto& channel : equipment_.keys) keys_->add_channel(std::move(channel));
  certificate_source_ = std::make_shared<system::KeysMaterialSource>(keys_);
  auto loaded = system::TlsIdentityStore::load(
      {.only_tls_1_3 = configuration_.tls.minimum == config::TlsVersion::tls_1_3, .source = certificate_source_},
      clock_.now());
  if (!loaded) return fail_start(std::move(loaded.error()).context("[tls]"));
  certificates_ = std::move(*loaded);
  return {};
}

/// PAM and Dovecot make a check wait; the users file only makes it work.
Step ServeWorld::make_authenticator() {
  constexpr unsigned least_checks = 2;
  constexpr unsigned waiting_checks = 8;
  const bool waits = std::ranges::any_of(configuration_.auth.sources, [](const auto& source) {
    return source.kind != config::AuthSource::Kind::users_file;
  });
  login_checks_ = waits ? waiting_checks : std::clamp(system::processors(), least_checks, waiting_checks);
  logins_ = std::make_shared<system::KeysClient>(login_patience);
  for (auto& channel : equipment_.logins) logins_->add_channel(std::move(channel));
  sasl_ = std::make_unique<system::RemoteSasl>(logins_);
  // One thread more, so that what is quick never waits for checks.
  login_workers_ =
      std::make_unique<system::WorkerThreads>(system::WorkerThreads::Settings{"logins", login_checks_ + 1});
  authenticator_ = std::make_unique<system::WorkerAuthenticator>(*sasl_, *login_workers_);
  return {};
}

void ServeWorld::report_start() {
  log_->info("server.starting", {{"version", POSTHORN_VERSION}, {"hostname", configuration_.hostname}});
  tell_warnings();
}

void ServeWorld::tell_warnings() {
  for (const auto& warning : warnings_) log_->warning("server.warning", {{"error", warning}});
  for (const auto& advice : config::advice_on_routes(configuration_))
    log_->warning("server.warning", {{"error", advice.key + ": " + advice.text}});
}

Step ServeWorld::read_directory() {
  auto settings = directory_settings(configuration_);
  users_ = std::make_unique<UsersBoard>(equipment_.users);
  settings.given_users = users_->current();
  auto loaded = store::load_directory(disk_, settings);
  if (!loaded) return fail_start(std::move(loaded.error()), ExitStatus::no_input);
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
  return [this, settings = directory_settings(configuration_), known = std::move(marks),
          names = users_->current()]() mutable -> Result<std::shared_ptr<const rules::Directory>> {
    auto now = users_->current(store::mark_of(disk_, settings.users_file));
    if (known && now == names && !store::has_changed(disk_, *known)) return nullptr;
    settings.given_users = names = std::move(now);
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
    if (!loop) return fail_start(std::move(loop.error()).context("make an event loop"));
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
      if (!acceptor) return fail_start(std::move(acceptor.error()).context("listen"));
      acceptors.push_back({listener_of_[place], std::move(*acceptor)});
    }
    loop_worlds_.push_back({loop, std::move(acceptors)});
  }
  return {};
}

Step ServeWorld::make_local_delivery() {
  const store::MailboxOwner account{system::user_id(), system::group_id()};
  if (configuration_.mailbox.system_users) {
    users_mailboxes_ = std::make_unique<MailboxClient>(MailboxClient::Settings{});
    if (equipment_.deliver) users_mailboxes_->connect(std::move(*equipment_.deliver));
  } else {
    mailboxes_ = make_mailbox_format(disk_, shared_files_, configuration_, account);
  }
  store::MailboxFormat& mailboxes = users_mailboxes_ ? *users_mailboxes_ : *mailboxes_;
  const service::LocalDelivery::World world{home(), *workers_, *log_};
  local_delivery_ = std::make_unique<service::LocalDelivery>(world, make_user_mailboxes(mailboxes, configuration_),
                                                             service::LocalDeliverySettings{});
  hand_over_folders_ = std::make_unique<store::HandOverFormat>(disk_, mailbox_settings(configuration_, account));
  hand_over_ = std::make_unique<service::LocalDelivery>(
      world, std::make_unique<service::HandOverPlaces>(*hand_over_folders_), service::LocalDeliverySettings{});
  return {};
}

Step ServeWorld::make_remote_delivery() {
  auto dns = system::DnsService::make(
      {.servers = configuration_.dns.servers, .trust_anchor = configuration_.dns.trust_anchor}, clock_, *log_);
  if (!dns) return fail_start(std::move(dns.error()).context("[dns]"), ExitStatus::configuration);
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
      service::Explainer::World{home(), *resolver_, random_, [this] { return directory_->current(); }, routing_,
                                forward_source(), workers_.get()},
      make_explainer_settings(configuration_, bound_endpoints()));
  for (auto& bound : bound_control_) {
    auto acceptor = system::SocketAcceptor::make(*environments_.front(), std::move(bound.sockets.front()), bound.local);
    if (!acceptor) return fail_start(std::move(acceptor.error()).context("[admin]"));
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
  settings.pickup.own_account = system::user_id();
  settings.pickup.name_of_account = system::name_of_account;
  std::vector<world::Log*> logs;
  for (const auto& log : listener_logs_) logs.push_back(log.get());
  server_ = std::make_unique<service::Server>(
      service::ServerWorld{.loops = std::move(loop_worlds_),
                           .disk = disk_,
                           .commit_worker = *commit_worker_,
                           .workers = *workers_,
                           .log = *log_,
                           .clock = clock_,
                           .random = random_,
                           .process = system::process_id(),
                           .drop = std::move(drop_),
                           .listener_logs = std::move(logs),
                           .control = std::move(control_)},
      std::move(settings),
      service::Server::Parts{*directory_, *routes_, *local_delivery_, remote_delivery_.get(), explainer_.get(),
                             authenticator_.get(), forward_source(), &remote_delivery_->facts()});
  return {};
}

/// Of the configuration at the start.
service::ForwardSource ServeWorld::forward_source() {
  return make_forward_source(disk_, configuration_, {system::user_id(), system::group_id()});
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
  login_workers_->end();
  commit_worker_->end();
  if (users_mailboxes_) users_mailboxes_->stop();
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

world::Task<> ServeWorld::visit_loops() {
  for (const auto& loop : loops_) co_await world::move_to(*loop);
  co_await world::move_to(home());
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
    last_fault = std::move(fault);
  }
}

/// One that will not do keeps the one before.
void ServeWorld::change_token(const system::Descriptor& file) {
  const auto& name = configuration_.admin.token_file;
  auto token = name.empty() ? Result<std::shared_ptr<const Secret>>{nullptr}
                            : to_token(system::read_whole(file, name, longest_token), name);
  if (token) {
    server_->control().change_token(std::move(*token));
  } else {
    log_->error("token.unreadable",
                {{"error", token.error().text}, {"what_to_do", "mend the file; until then the old one counts"}});
  }
}

world::Task<> ServeWorld::reload(config::Configuration configuration, EngineSecrets secrets) {
  if (!belong_together(configuration_.listeners, configuration.listeners)) {
    log_->error("configuration.refused", {{"error", "its listeners are others than those that are served"}});
    co_return;
  }
  configuration_ = std::move(configuration);
  warnings_.clear();
  fit_connections();
  tell_warnings();
  routing_.replace(make_routing(configuration_, secrets.logins));
  remote_delivery_->change(make_remote_settings(configuration_, bound_endpoints()));
  explainer_->change(make_explainer_settings(configuration_, bound_endpoints()));
  const auto settings = make_server_settings(configuration_, {certificates_}, {});
  server_->reload(settings.policy, settings.limits);
  server_->change(settings);
  directory_->change_reader(directory_reader(std::nullopt));
  co_await directory_->refresh_now(home());
  change_token(secrets.token);
  log_->set_level(configuration_.log.level);
  for (std::size_t place = 0; place < listener_logs_.size(); ++place) {
    listener_logs_[place]->set_level(level_of(configuration_, place));
  }
  log_->info("configuration.reloaded", {});
}

}  // namespace posthorn::cli
