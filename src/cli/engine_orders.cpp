#include "cli/engine_orders.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "cli/users_wire.hpp"
#include "store/users.hpp"
#include "system/memory_file.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr std::size_t longest_path = 4'096;
constexpr std::size_t longest_line = 4'000;
constexpr std::size_t largest_text = std::size_t{4} << 20;
constexpr std::uint32_t smarthost_place = 0xFFFF'FFFF;
constexpr std::uint32_t most_routes = 100'000;
constexpr Duration patience = std::chrono::seconds{30};

std::unexpected<Error> malformed() {
  return failure(Error::Kind::corrupt, "the parent sent something that the engine does not understand");
}

/// Which of its fields a packet fills. False: none.
bool take(system::ControlPacket packet, EngineEquipment& into) {
  if (packet.kind == number_of(EnginePacket::login) || packet.kind == number_of(EnginePacket::token)) {
    return take_secret(std::move(packet), into.secrets);
  }
  if (packet.descriptors.size() != 1) return false;
  auto& descriptor = packet.descriptors.front();
  if (packet.kind == number_of(EnginePacket::configuration)) {
    auto configuration = take_configuration(packet);
    if (configuration) into.configuration = std::move(*configuration);
    return configuration.has_value();
  }
  if (packet.kind == number_of(EnginePacket::listener)) {
    const auto place = decode_bound_socket(packet.payload);
    if (place) into.listeners.push_back({*place, std::move(descriptor)});
    return place.has_value();
  }
  if (packet.kind == number_of(EnginePacket::users)) {
    auto users = take_users(packet);
    if (users) into.users = std::move(*users);
    return users.has_value();
  }
  if (packet.kind == number_of(EnginePacket::login_channel)) {
    into.logins.emplace_back(std::move(descriptor));
    return true;
  }
  if (packet.kind == number_of(EnginePacket::keys_channel)) {
    into.keys.emplace_back(std::move(descriptor));
    return true;
  }
  if (packet.kind == number_of(EnginePacket::deliver_channel)) {
    into.deliver.emplace(std::move(descriptor));
    return true;
  }
  if (packet.kind != number_of(EnginePacket::log_channel)) return false;
  into.log = std::move(descriptor);
  return true;
}

}  // namespace

std::string encode(const BoundSocket& socket) {
  ByteWriter writer;
  writer.put(socket.address);
  writer.put(socket.listener);
  return writer.take();
}

std::optional<BoundSocket> decode_bound_socket(std::string_view octets) {
  ByteReader reader{octets};
  const BoundSocket socket{.address = reader.take<std::uint32_t>(), .listener = reader.take<std::uint32_t>()};
  if (!reader.complete()) return std::nullopt;
  return socket;
}

std::string encode(const ServedConfiguration& configuration) {
  const auto& text = configuration.text;
  ByteWriter writer;
  writer.put_text(text.path);
  writer.put_text(text.facts.host_name);
  writer.put_flag(text.facts.may_bind_low_ports);
  writer.put(static_cast<std::uint32_t>(configuration.listener_order.size()));
  for (const auto place : configuration.listener_order) writer.put(place);
  return writer.take();
}

Result<ServedConfiguration> take_configuration(const system::ControlPacket& packet) {
  ByteReader reader{packet.payload};
  ServedConfiguration served;
  auto& configuration = served.text;
  configuration.path = reader.take_text(longest_path);
  configuration.facts.host_name = reader.take_text(longest_path);
  configuration.facts.may_bind_low_ports = reader.take_flag();
  for (auto left = reader.take_count(sizeof(std::uint32_t)); left > 0; --left) {
    served.listener_order.push_back(reader.take<std::uint32_t>());
  }
  if (!reader.complete() || packet.descriptors.size() != 1) return malformed();
  auto text = system::read_whole(packet.descriptors.front(), configuration.path, largest_text);
  if (!text) return failure(std::move(text.error()));
  configuration.text = std::move(*text);
  return served;
}

LoadedConfiguration parse_served(const ServedConfiguration& configuration, const config::Overrides& overrides) {
  auto loaded = parse_configuration(configuration.text, overrides);
  const auto& order = configuration.listener_order;
  if (!loaded || order.empty() || arrange_listeners(loaded->listeners, order)) return loaded;
  return std::unexpected(ConfigurationFaults{
      .status = ExitStatus::system_fault,
      .lines = {configuration.text.path + ": its listeners are others than those that are served"}});
}

std::vector<Secret> encode(const OutgoingLogins& logins) {
  std::vector<Secret> packets;
  const auto put = [&](std::uint32_t place, const rules::Login* login) {
    if (login == nullptr) return;
    ByteWriter writer;
    writer.put(place);
    writer.put_text(login->user);
    writer.put_text(login->password.reveal());
    packets.emplace_back(writer.take());
  };
  put(smarthost_place, logins.smarthost.get());
  for (std::uint32_t route = 0; route < logins.routes.size(); ++route) put(route, logins.routes[route].get());
  return packets;
}

bool take_secret(system::ControlPacket packet, EngineSecrets& into) {
  if (packet.kind == number_of(EnginePacket::token)) {
    if (packet.descriptors.size() != 1) return false;
    into.token = std::move(packet.descriptors.front());
    return true;
  }
  const Secret payload{std::move(packet.payload)};
  ByteReader reader{payload.reveal()};
  const auto place = reader.take<std::uint32_t>();
  const std::string user{reader.take_text(system::ControlLimits::payload)};
  Secret password{std::string{reader.take_text(system::ControlLimits::payload)}};
  const bool fits = packet.kind == number_of(EnginePacket::login) && (place < most_routes || place == smarthost_place);
  if (!reader.complete() || !fits) return false;
  auto login = std::make_shared<const rules::Login>(user, std::move(password));
  if (place == smarthost_place) {
    into.logins.smarthost = std::move(login);
    return true;
  }
  if (into.logins.routes.size() <= place) into.logins.routes.resize(place + 1);
  into.logins.routes[place] = std::move(login);
  return true;
}

Result<std::shared_ptr<const store::GivenUsers>> take_users(const system::ControlPacket& packet) {
  auto mark = decode_file_mark(packet.payload);
  if (!mark) return failure(std::move(mark.error()));
  if (packet.descriptors.size() != 1) return malformed();
  auto text = system::read_whole(packet.descriptors.front(), mark->path, store::max_users_file_octets);
  if (!text) return failure(std::move(text.error()));
  return std::make_shared<const store::GivenUsers>(std::move(*text), std::move(*mark));
}

std::string shown_line(std::string_view octets) {
  std::string line{octets.substr(0, longest_line)};
  std::ranges::replace_if(line, [](char each) { return each < ' ' || each > '~'; }, '?');
  return line;
}

Result<EngineEquipment> receive_equipment(const system::ControlChannel& parent) {
  EngineEquipment equipment;
  for (;;) {
    auto packet = parent.receive(patience);
    if (!packet) return failure(std::move(packet.error()));
    if (packet->kind == number_of(EnginePacket::start)) return equipment;
    if (!take(std::move(*packet), equipment)) return malformed();
  }
}

}  // namespace posthorn::cli
