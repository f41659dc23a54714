#include "simulated_server.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace posthorn::scenarios {
namespace {

constexpr const char* mail_root = "/mail";
constexpr const char* state_folder = "/state";

std::shared_ptr<const rules::Directory> make_directory() {
  rules::Directory::Parts parts{.domains = {"example.org"}};
  for (const auto* name : {"alice", "bob"}) parts.users.push_back(*mail::UserName::parse(name));
  return std::make_shared<const rules::Directory>(std::move(parts));
}

std::shared_ptr<const service::Policy> make_policy(const service::ReceptionPolicy& reception) {
  auto policy = std::make_shared<service::Policy>();
  policy->reception = reception;
  for (const auto role : {rules::ListenerRole::mx, rules::ListenerRole::relay, rules::ListenerRole::submission}) {
    auto session = std::make_shared<smtp::ServerSettings>();
    session->hostname = reception.hostname;
    session->message_octets = reception.message.octets;
    session->postmaster = *mail::Address::parse("postmaster@example.org");
    if (role == rules::ListenerRole::submission) {
      session->require_authentication = true;
      session->auth_mechanisms = {{.name = "PLAIN", .needs_encryption = false}};
    }
    policy->listeners.push_back({.name = "simulated", .role = role, .session = std::move(session)});
  }
  return policy;
}

service::RemoteDeliverySettings make_remote_settings() {
  service::RemoteDeliverySettings settings;
  settings.session.hello_name = "mx.example.org";
  settings.targets.ourselves = {{"mx.example.org"}, {SimulatedServer::mx, SimulatedServer::relay}};
  return settings;
}

world::Task<> speak(sim::Network& network, world::Loop& loop, Endpoint to, std::string words, Duration patience,
                    std::string& heard) {
  auto stream = co_await network.connect(to, {}, after(loop.now(), patience));
  if (!stream) {
    heard = "no connection: " + stream.error().text;
    co_return;
  }
  if (!co_await (*stream)->write(words, after(loop.now(), patience))) co_return;
  while (true) {
    const auto bytes = co_await (*stream)->read(after(loop.now(), patience));
    if (!bytes || bytes->empty()) co_return;
    heard += *bytes;
  }
}

}  // namespace

const Endpoint SimulatedServer::mx = *Endpoint::parse("192.0.2.1:25");
const Endpoint SimulatedServer::relay = *Endpoint::parse("127.0.0.1:25");
const Endpoint SimulatedServer::control = *Endpoint::parse("127.0.0.1:8025");
const std::string SimulatedServer::token = "a token of enough characters";
const Endpoint SimulatedServer::submission = *Endpoint::parse("192.0.2.1:587");

void KeptLog::write(world::LogRecord record) {
  events_.emplace_back(record.event);
  text_ += record.event;
  for (const auto& field : record.fields) {
    text_ += fmt::format(" {}=", field.name);
    if (const auto* text = std::get_if<std::string>(&field.value)) text_ += *text;
    if (const auto* number = std::get_if<std::int64_t>(&field.value)) text_ += std::to_string(*number);
  }
  text_ += '\n';
}

std::size_t KeptLog::count(std::string_view event) const {
  return static_cast<std::size_t>(std::ranges::count(events_, event));
}

SimulatedServer::SimulatedServer(sim::Disk& disk, ServerOptions options)
    : disk_(disk),
      options_(std::move(options)),
      loop_(options_.seed),
      random_(options_.seed),
      network_(loop_, random_),
      resolver_(loop_),
      commit_worker_(loop_, {.in_order = true}),
      workers_(loop_, {}),
      directory_(
          make_directory(), [] { return std::shared_ptr<const rules::Directory>{}; }, workers_, log_),
      routing_(std::make_shared<const rules::Routing>(options_.routing)),
      routes_(directory_, routing_),
      mailboxes_(disk_, files_, {.root = mail_root, .account = {1000, 1000}}),
      local_delivery_({loop_, workers_, log_}, mailboxes_, {}),
      hand_over_folders_(disk_, {.root = mail_root, .account = {1000, 1000}}),
      hand_over_({loop_, workers_, log_}, std::make_unique<service::HandOverPlaces>(hand_over_folders_), {}),
      remote_delivery_({loop_, network_, resolver_, random_, log_, &hand_over_}, routing_, make_remote_settings()),
      explainer_({loop_, resolver_, random_, [this] { return directory_.current(); }, routing_},
                 {.targets = make_remote_settings().targets,
                  .listeners = {{rules::ListenerRole::mx, "mx"}, {rules::ListenerRole::relay, "relay"}}}) {
  if (!disk_.tree(state_folder).empty()) return;  // another start on the same disk
  disk_.plant_folder(mail_root, 0755);
  disk_.plant_folder(state_folder, 0700);
}

SimulatedServer::~SimulatedServer() = default;

bool SimulatedServer::start() {
  service::ServerSettings settings{.policy = make_policy(options_.reception), .limits = options_.limits};
  settings.spool.state_folder = state_folder;
  settings.spool.host_identity = "simulated";
  settings.spool.segment_octets = options_.segment_octets;
  settings.spool.reserve_octets = std::uint64_t{2} * options_.segment_octets;
  settings.spool.look_interval = options_.look_interval;
  settings.directory_watch = options_.look_interval;
  settings.spool.largest_message = options_.reception.message.octets;
  settings.queue.paused = options_.paused;
  settings.queue.remote.deliveries = options_.deliveries;
  settings.pickup.hostname = "mx.example.org";
  settings.queue.retry = options_.retry;
  settings.reporter = {
      .bounce = {.expire = options_.retry.expire, .postmaster = *mail::Address::parse("postmaster@example.org")},
      .hostname = "mx.example.org",
      .report = {}};
  settings.control.token = std::make_shared<const Secret>(std::string(token));
  settings.history.files = {.folder = std::string(state_folder) + "/history", .keep = std::chrono::days{12}};
  std::vector<service::LoopAcceptor> acceptors;
  acceptors.push_back({0, network_.listen(mx)});
  acceptors.push_back({1, network_.listen(relay)});
  acceptors.push_back({2, network_.listen(submission)});
  std::vector<service::LoopWorld> loops;
  loops.push_back({loop_, std::move(acceptors)});
  service::ServerWorld world{std::move(loops), disk_,   commit_worker_, workers_, log_,
                             loop_.clock(),    random_, 4242,           {},       {}};
  if (!options_.drop.empty()) {
    if (auto drop = store::DropFolder::open(disk_, options_.drop)) world.drop = std::move(*drop);
  }
  world.control.push_back(network_.listen(control));
  server_ =
      std::make_unique<service::Server>(std::move(world), std::move(settings),
                                        service::Server::Parts{directory_, routes_, local_delivery_, &remote_delivery_,
                                                               &explainer_, &authenticator_, forward_source()});
  std::optional<bool> started;
  tasks_.start([](service::Server& server, std::optional<bool>& out, KeptLog& log) -> world::Task<> {
    const auto result = co_await server.start();
    out = result.has_value();
    if (!result) log.error("start", {{"error", result.error().text}});
  }(*server_, started, log_));
  while (!started && loop_.step()) {
  }
  return started.value_or(false);
}

service::ForwardSource SimulatedServer::forward_source() {
  if (options_.forward_file.empty()) return {};
  return [this](const std::string& user) {
    return store::read_forward(disk_, {mail_root, options_.forward_file, {1000, 1000}}, *mail::UserName::parse(user));
  };
}

std::string SimulatedServer::talk(const Endpoint& to, std::string words, Duration patience) {
  std::string heard;
  world::TaskGroup client;
  client.start(speak(network_, loop_, to, std::move(words), patience, heard));
  while (!client.empty() && loop_.step()) {
  }
  return heard;
}

std::string SimulatedServer::ask(std::string_view target, std::string_view body, Duration patience) {
  const auto method = body.empty() ? "GET" : "POST";
  return talk(control,
              fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n"
                          "Content-Length: {}\r\n\r\n{}",
                          method, target, token, body.size(), body),
              patience);
}

void SimulatedServer::stop() {
  bool ended = false;
  tasks_.start([](service::Server& server, bool& out) -> world::Task<> {
    co_await server.stop();
    out = true;
  }(*server_, ended));
  while (!ended && loop_.step()) {
  }
}

std::vector<std::string> SimulatedServer::mails(std::string_view user) const {
  std::vector<std::string> files;
  const auto folder = fmt::format("{}/{}/new/", mail_root, user);
  for (const auto& path : disk_.tree(mail_root)) {
    if (path.starts_with(folder) && path != folder) files.push_back(path);
  }
  return files;
}

std::string session_text(std::string_view from, std::string_view to, std::string_view body) {
  return fmt::format("EHLO client.example\r\nMAIL FROM:<{}>\r\nRCPT TO:<{}>\r\nDATA\r\n{}\r\n.\r\nQUIT\r\n", from, to,
                     body);
}

}  // namespace posthorn::scenarios
