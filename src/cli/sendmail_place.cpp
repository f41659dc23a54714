#include "cli/sendmail_place.hpp"

#include "base/ascii.hpp"
#include "config/defaults.hpp"
#include "system/clock.hpp"
#include "system/machine.hpp"
#include "system/posix_disk.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::cli {
namespace {

/// Its own rights may keep the configuration from who may well send mail.
LoadedConfiguration load_or_default(const std::string& given) {
  auto loaded = load_configuration(given);
  const bool is_secret = !loaded && loaded.error().status == ExitStatus::no_permission &&
                         configuration_path(given) == usual_configuration_path;
  if (!is_secret) return loaded;
  return config::complete({}, {.host_name = system::host_name(), .may_bind_low_ports = false});
}

}  // namespace

std::expected<SendmailPlace, ConfigurationFaults> find_sendmail_place(const std::string& configuration) {
  auto loaded = load_or_default(configuration);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  auto domain = mail::Domain::parse(loaded->domains.front());
  if (!domain) return std::unexpected(ConfigurationFaults{ExitStatus::configuration, {domain.error().text}});
  const auto& limits = loaded->limits;
  return SendmailPlace{.folder = loaded->sendmail.folder,
                       .hostname = loaded->hostname,
                       .domain = std::move(*domain),
                       .message = {.octets = limits.message_size,
                                   .line_octets = limits.line_length,
                                   .header_octets = limits.header_size,
                                   .received_fields = limits.hops}};
}

Result<store::DropBox> open_drop_box(const SendmailPlace& place) {
  system::PosixDisk disk;
  system::KernelRandom random;
  auto box = store::DropBox::open(disk, place.folder, system::user_id(), random);
  if (box || box.error().kind != Error::Kind::not_permitted) return box;
  return failure(Error::Kind::not_permitted,
                 box.error().text + "; the server makes this folder when it starts, for everybody (mode 3777)");
}

Result<mail::Address> qualified(std::string_view text, const mail::Domain& domain) {
  if (text.contains('@')) return mail::Address::parse(text);
  if (std::ranges::any_of(text, ascii::is_control)) {
    return failure(Error::Kind::invalid, "an address has no line breaks or control characters");
  }
  return mail::Address::make(text, domain);
}

ExitStatus status_of_drop(const Error& error) {
  return error.kind == Error::Kind::not_permitted ? ExitStatus::no_permission : ExitStatus::temporary;
}

}  // namespace posthorn::cli
