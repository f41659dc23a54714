#include "cli/engine_process.hpp"

#include "cli/confinement.hpp"
#include "cli/directory_settings.hpp"
#include "cli/login_keeper.hpp"
#include "store/directory_files.hpp"
#include "system/clock.hpp"
#include "system/keys_process.hpp"
#include "system/password_helper.hpp"
#include "system/posix_disk.hpp"
#include "system/process.hpp"
#include "system/role_process.hpp"
#include "system/signals.hpp"
#include "world/workers.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr Duration between_signs = std::chrono::milliseconds{500};

/// Those that aliases include stand in no configuration. What is wrong with them is told later, by who reads them for use.
std::vector<std::string> files_of_directory(const config::Configuration& configuration,
                                            std::shared_ptr<const store::GivenUsers> users) {
  system::PosixDisk disk;
  std::vector<std::string> files;
  auto settings = directory_settings(configuration);
  settings.given_users = std::move(users);
  if (const auto loaded = store::load_directory(disk, settings)) {
    for (const auto& mark : loaded->marks) files.push_back(mark.path);
  }
  return files;
}

}  // namespace

EngineProcess::~EngineProcess() = default;

ExitStatus EngineProcess::run(system::ControlChannel parent) {
  system::prepare_signals();
  auto equipment = receive_equipment(parent);
  if (!equipment) return refuse(start_failure(std::move(equipment.error()).context("start the engine")));
  auto loaded = parse_served(equipment->configuration, options_.overrides);
  if (!equipment->users)
    return refuse({ExitStatus::system_fault, {Error::Kind::invalid, "the engine was given no users"}});
  if (!loaded) {
    for (const auto& line : loaded.error().lines) console_.complain("{}", line);
    return loaded.error().status;
  }
  const auto missing = confine_engine(*loaded, files_of_directory(*loaded, equipment->users));
  if (!missing) return refuse(start_failure(Error{missing.error()}.context("the sandbox")));
  world_ = std::make_unique<ServeWorld>(std::move(*loaded), std::move(*equipment), options_.adopt_spool);
  for (const auto& what : *missing) world_->add_warning("the sandbox is not complete: " + what);
  if (const auto done = world_->set_up(); !done) return refuse(done.error());
  return world_->run(live(std::move(parent)));
}

ExitStatus EngineProcess::refuse(const StartFailure& failure) {
  console_.complain("{}", failure.error.text);
  return failure.status;
}

/// On the home loop, which is this thread.
world::Task<ExitStatus> EngineProcess::live(system::ControlChannel parent) {
  auto watched = system::WatchedChannel::make(world_->home(), std::move(parent));
  if (!watched) co_return refuse(start_failure(std::move(watched.error())));
  parent_ = std::move(*watched);
  world_->users().ask_by([this] { tell(EnginePacket::users_wanted); });
  world::Event end(world_->home());
  world::Event signs_ended(world_->home());
  world::Event watches_ended(world_->home());
  tasks_.start([](EngineProcess& engine, world::Event& until, world::Event& ended) -> world::Task<> {
    co_await engine.tell_progress(until);
    ended.set();
  }(*this, end, signs_ended));
  if (auto started = co_await world_->server().start(); !started) {
    end.set();
    co_await signs_ended.wait(never);
    co_return refuse(start_failure(started.error()));
  }
  tell(EnginePacket::ready, world_->listening_text());
  tasks_.start([](ServeWorld& world, world::Event& until, world::Event& ended) -> world::Task<> {
    co_await world.watch_certificates(until);
    ended.set();
  }(*world_, end, watches_ended));
  co_await obey();
  world_->log().info("server.stopping", {});
  co_await world_->server().stop();
  end.set();
  co_await watches_ended.wait(never);
  co_await signs_ended.wait(never);
  co_return ExitStatus::ok;
}

world::Task<> EngineProcess::obey() {
  for (;;) {
    auto packet = co_await parent_->next();
    if (!packet || !co_await obey_one(std::move(*packet))) co_return;
  }
}

world::Task<bool> EngineProcess::obey_one(system::ControlPacket packet) {
  if (packet.kind == number_of(EnginePacket::stop)) co_return false;
  if (packet.kind == number_of(EnginePacket::certificates)) world_->tell_certificates_changed();
  if (packet.kind == number_of(EnginePacket::reload)) co_await reload(std::move(packet));
  if (packet.kind == number_of(EnginePacket::login) || packet.kind == number_of(EnginePacket::token)) {
    static_cast<void>(take_secret(std::move(packet), next_secrets_));
    co_return true;
  }
  if (packet.descriptors.size() != 1) co_return true;
  auto& descriptor = packet.descriptors.front();
  if (packet.kind == number_of(EnginePacket::users)) {
    if (auto users = take_users(packet)) world_->take_users(std::move(*users));
    co_return true;
  }
  if (packet.kind == number_of(EnginePacket::log_channel)) world_->change_log(std::move(descriptor));
  if (packet.kind == number_of(EnginePacket::login_channel)) {
    world_->add_login_channel(system::ControlChannel{std::move(descriptor)});
  }
  if (packet.kind == number_of(EnginePacket::deliver_channel)) {
    world_->connect_deliver(system::ControlChannel{std::move(descriptor)});
  } else if (packet.kind == number_of(EnginePacket::keys_channel)) {
    world_->add_keys_channel(system::ControlChannel{std::move(descriptor)});
  }
  co_return true;
}

/// The parent has read it before us and found it good.
world::Task<> EngineProcess::reload(system::ControlPacket packet) {
  const auto text = take_configuration(packet);
  auto loaded = text ? parse_served(*text, options_.overrides)
                     : LoadedConfiguration{std::unexpected(
                           ConfigurationFaults{.status = ExitStatus::configuration, .lines = {text.error().text}})};
  if (loaded) {
    co_await world_->reload(std::move(*loaded), std::exchange(next_secrets_, {}));
  } else {
    for (const auto& line : loaded.error().lines) world_->log().error("configuration.refused", {{"error", line}});
  }
  tell(EnginePacket::reloaded);
}

/// FAULTS F28: no sign is sent while a loop is stuck.
world::Task<> EngineProcess::tell_progress(world::Event& end) {
  do {
    co_await world_->visit_loops();
    tell(EnginePacket::alive);
  } while (!co_await end.wait(after(world_->home().now(), between_signs)));
}

void EngineProcess::tell(EnginePacket kind, std::string_view payload) {
  static_cast<void>(parent_->send(number_of(kind), payload.substr(0, system::ControlLimits::payload)));
}

ExitStatus run_serve_engine(const Invocation& invocation, Console& console) {
  auto options = read_serve_options(invocation, console);
  if (!options) return options.error();
  auto parent = system::adopt_role_channel();
  if (!parent) {
    console.complain("{}", parent.error().text);
    return ExitStatus::usage;
  }
  system::name_process("posthorn-engine");
  EngineProcess process(std::move(*options), console);
  return process.run(std::move(*parent));
}

ExitStatus run_serve_keys(const Invocation& invocation, Console& console) {
  const auto parent = system::adopt_role_channel();
  if (!parent) {
    console.complain("{}", parent.error().text);
    return ExitStatus::usage;
  }
  const auto& words = invocation.arguments;
  auto ready = system::prepare_keys_process();
  system::KernelRandom random;
  LoginKeeper logins{{random.next(), random.next()}};
  if (ready) {
    auto confined = confine_keys(to_sandbox(words.empty() ? "" : words.front()));
    if (!confined) ready = failure(std::move(confined.error()));
  }
  if (!ready) {
    console.complain("the keys process: {}", ready.error().text);
    return start_failure(std::move(ready.error())).status;
  }
  system::run_keys_process(*parent, logins);
}

ExitStatus run_serve_auth(const Invocation& invocation, Console& console) {
  const auto parent = system::adopt_role_channel();
  const auto packet = parent ? parent->receive(std::chrono::seconds{30}) : failure(parent.error());
  const auto settings = packet ? system::decode_auth_settings(packet->payload) : failure(packet.error());
  if (!settings) {
    console.complain("{}", settings.error().text);
    return ExitStatus::usage;
  }
  system::name_process("posthorn-auth");
  const bool asks_pam = std::ranges::any_of(
      settings->sources, [](const auto& source) { return source.kind == system::AuthSettings::Source::Kind::pam; });
  const auto& words = invocation.arguments;
  const auto confined = confine_helper(to_sandbox(words.empty() ? "" : words.front()), asks_pam);
  if (!confined) {
    console.complain("the process that asks PAM and Dovecot: {}", confined.error().text);
    return start_failure(Error{confined.error()}).status;
  }
  system::PasswordHelper helper{*settings};
  helper.serve_parent(*parent);
  return ExitStatus::ok;
}

}  // namespace posthorn::cli
