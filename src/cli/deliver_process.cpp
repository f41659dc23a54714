#include "cli/deliver_process.hpp"

#include "base/byte_reader.hpp"
#include "base/byte_writer.hpp"
#include "cli/confinement.hpp"
#include "cli/start_failure.hpp"
#include "system/account.hpp"
#include "system/process.hpp"
#include "system/role_process.hpp"

#include <utility>

namespace posthorn::cli {
namespace {

constexpr Duration patience = std::chrono::seconds{30};
constexpr std::size_t longest_path = 4'096;

struct Start {
  DeliverSettings settings;
  system::Descriptor lock;
};

Result<Start> take_start(const system::ControlChannel& parent) {
  auto packet = parent.receive(patience);
  if (!packet) return failure(std::move(packet.error()));
  auto settings = decode_deliver_settings(packet->payload);
  if (!settings) return failure(std::move(settings.error()));
  if (packet->kind != deliver_settings_packet || packet->descriptors.size() != 1) {
    return failure(Error::Kind::corrupt, "the parent sent something else than settings");
  }
  return Start{.settings = std::move(*settings), .lock = std::move(packet->descriptors.front())};
}

/// Without a right to write or read what is somebody else's, before the first order.
Result<> give_up_rights(const DeliverSettings& settings) {
  if (auto kept = system::keep_deliver_rights(); !kept) return kept;
  if (auto refused = system::refuse_dumps(); !refused) return refused;
  auto confined = confine_deliver(settings.sandbox, settings.root);
  if (!confined) return failure(std::move(confined.error()).context("the sandbox"));
  return {};
}

}  // namespace

DeliverSettings deliver_settings(const config::Configuration& configuration) {
  const auto& mailbox = configuration.mailbox;
  return {
      .root = mailbox.root, .format = mailbox.format, .quota = mailbox.quota, .sandbox = configuration.process.sandbox};
}

std::string encode(const DeliverSettings& settings) {
  ByteWriter writer;
  writer.put_text(settings.root);
  writer.put(static_cast<std::uint8_t>(settings.format));
  writer.put(settings.quota);
  writer.put(static_cast<std::uint8_t>(settings.sandbox));
  return writer.take();
}

Result<DeliverSettings> decode_deliver_settings(std::string_view octets) {
  ByteReader reader{octets};
  DeliverSettings settings;
  settings.root = reader.take_text(longest_path);
  settings.format = reader.take_enum(config::MailboxFormat::mbox);
  settings.quota = reader.take<std::uint64_t>();
  settings.sandbox = reader.take_enum(config::Sandbox::off);
  if (!reader.complete() || settings.root.empty()) {
    return failure(Error::Kind::corrupt, "malformed settings of the process that writes users' mail");
  }
  return settings;
}

ExitStatus run_serve_deliver(const Invocation& /*invocation*/, Console& console) {
  const auto parent = system::adopt_role_channel();
  if (!parent) {
    console.complain("{}", parent.error().text);
    return ExitStatus::usage;
  }
  system::name_process("posthorn-deliv");
  auto start = take_start(*parent);
  const auto ready = start ? give_up_rights(start->settings) : failure(start.error());
  if (!ready) {
    console.complain("the process that writes users' mail: {}", ready.error().text);
    return start_failure(Error{ready.error()}).status;
  }
  system::ForkedWorkers workers{{.process_name = "posthorn-mail", .kept = {start->lock.get()}},
                                [&start](system::WorkOrder& order) { deliver_as_user(start->settings, order); }};
  workers.serve(*parent);
  return ExitStatus::ok;
}

}  // namespace posthorn::cli
