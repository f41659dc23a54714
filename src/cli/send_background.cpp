#include "cli/send_background.hpp"

#include "base/assert.hpp"
#include "cli/load_configuration.hpp"
#include "cli/send_worker.hpp"
#include "system/background.hpp"
#include "system/clock.hpp"
#include "system/input_file.hpp"
#include "system/own_user.hpp"
#include "system/posix_disk.hpp"

#include <fmt/format.h>

#include <utility>

namespace posthorn::cli {
namespace {

constexpr Duration take_over_limit = std::chrono::seconds{30};
constexpr std::size_t kept_logs = 100;

}  // namespace

Result<std::string> send_state_folder() {
  auto folder = system::user_state_folder();
  if (folder.empty()) return failure(Error::Kind::not_found, "there is no home folder, and XDG_STATE_HOME is not set");
  return folder + "/posthorn/send";
}

Result<std::string> hand_over_to_background(service::SendEntry& entry, const service::FileLetter& letter,
                                            const std::string& configuration) {
  const auto path = send_state_folder();
  if (!path) return failure(path.error());
  system::PosixDisk disk;
  auto entries = service::SendEntries::open(disk, *path);
  if (!entries) return failure(std::move(entries.error()));
  const system::SystemClock clock;
  static_cast<void>(entries->prune(kept_logs, clock.wall()));  // its failure is no reason to lose a mail
  system::KernelRandom random;
  entry.created = clock.wall();
  entry.wait_began = entry.created;
  const rules::SendRetrySettings settings{.retry_after = entry.retry_after, .expire = entry.expire};
  const auto wait = rules::next_wait(settings, entry.last_words, Duration{});
  ensure(wait.has_value(), "a new message has not expired");
  entry.next_attempt = entry.wait_began + std::chrono::duration_cast<WallTime::duration>(*wait);
  auto text = letter.read(false);
  const auto octets = text.measure();
  if (!octets) return failure(octets.error());
  entry.octets = *octets;
  if (auto added = entries->add(entry, text, random); !added) return failure(std::move(added.error()));
  auto started = start_background(entry.id, configuration);
  if (!started) static_cast<void>(entries->remove(entry.id));
  return started;
}

Result<std::string> start_background(const std::string& id, const std::string& configuration) {
  const auto path = send_state_folder();
  if (!path) return failure(path.error());
  // The process works in another folder.
  const auto named = configuration_path(configuration);
  const auto absolute = named == usual_configuration_path ? Result<std::string>{} : system::absolute_path(named);
  if (!absolute) return failure(absolute.error());
  auto words = system::run_in_background("posthorn send", take_over_limit, [&](const system::TakeOver& take_over) {
    SendWorker worker(*path, id, *absolute);
    return static_cast<int>(worker.run(take_over));
  });
  if (!words) return words;
  if (words->starts_with('!')) return failure(Error::Kind::in_use, words->substr(1));
  return words;
}

}  // namespace posthorn::cli
