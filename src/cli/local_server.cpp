#include "cli/local_server.hpp"

#include "cli/client_world.hpp"
#include "cli/load_configuration.hpp"
#include "service/memory_file.hpp"
#include "service/silent_watcher.hpp"
#include "system/own_user.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::array<std::uint16_t, 2> usual_ports{25, 2525};
constexpr Duration notice_timeout = std::chrono::seconds{5};

IpAddress loopback() { return IpAddress::v4({127, 0, 0, 1}); }

/// Where a client of this machine reaches a listener; none that a client cannot know.
void add_endpoints(const config::Listener& listener, std::vector<Endpoint>& into) {
  if (listener.addresses.empty() && listener.interface.empty()) into.push_back({loopback(), listener.port});
  for (const auto& endpoint : listener.addresses) {
    if (endpoint.address.is_unspecified()) {
      into.push_back({loopback(), endpoint.port});
    } else {
      into.push_back(endpoint);
    }
  }
}

Result<service::FileLetter> make_notice(const mail::Address& to, const std::string& subject, const std::string& text) {
  const system::SystemClock clock;
  system::KernelRandom random;
  const auto now = clock.wall();
  auto postman = mail::Address::parse("posthorn@" + std::string(to.domain()));
  if (!postman) return failure(std::move(postman.error()));
  mail::NewMessage head{.from = {"posthorn send", std::move(*postman)},
                        .to = {{"", to}},
                        .subject = subject,
                        .message_id = fmt::format("{:016x}@{}", random.next(), to.domain()),
                        .date = now,
                        .zone = system::zone_at(now)};
  std::vector<service::LetterInput> inputs;
  inputs.push_back({.file = std::make_unique<service::MemoryFile>(text), .name = {}});
  return service::FileLetter::make(std::move(head), fmt::format("=_{:016x}", random.next()), std::move(inputs));
}

}  // namespace

LocalServer find_local_server(const std::string& configuration) {
  LocalServer server{.endpoints = {}, .domain = own_hello_name()};
  if (const auto loaded = load_configuration(configuration)) {
    for (const auto role : {rules::ListenerRole::relay, rules::ListenerRole::mx}) {
      for (const auto& listener : loaded->listeners) {
        if (listener.role == role) add_endpoints(listener, server.endpoints);
      }
    }
    if (!loaded->domains.empty()) server.domain = loaded->domains.front();
  }
  for (const auto port : usual_ports) {
    const Endpoint usual{loopback(), port};
    if (std::ranges::find(server.endpoints, usual) == server.endpoints.end()) server.endpoints.push_back(usual);
  }
  return server;
}

SendTry try_local_queue(const std::string& configuration, const service::SendEntry& entry,
                        const service::FileLetter& letter, service::ConversationWatcher& watcher) {
  auto access = access_of(entry, std::nullopt);
  access.host = "localhost";
  access.endpoints = find_local_server(configuration).endpoints;
  return try_once(entry, letter, std::move(access), watcher);
}

Result<> mail_own_user(const std::string& configuration, const std::string& subject, const std::string& text) {
  auto server = find_local_server(configuration);
  auto to = mail::Address::parse(system::own_user_name() + "@" + server.domain);
  if (!to) return failure(std::move(to.error()));
  auto letter = make_notice(*to, subject, text);
  if (!letter) return failure(std::move(letter.error()));
  service::SendEntry entry;
  entry.recipients.push_back({.address = std::move(*to)});
  entry.hello_name = own_hello_name();
  entry.timeout = notice_timeout;
  entry.tls = service::ClientTls::none;
  auto access = access_of(entry, std::nullopt);
  access.host = "localhost";
  access.endpoints = std::move(server.endpoints);
  service::SilentWatcher silence;
  const auto done = try_once(entry, *letter, std::move(access), silence);
  if (done.verdict == rules::SendVerdict::delivered) return {};
  return failure(Error::Kind::refused, done.last_words);
}

}  // namespace posthorn::cli
