#include "cli/send_log.hpp"

#include "base/clean_text.hpp"
#include "base/time.hpp"

#include <fmt/format.h>

#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned file_mode = 0600;
constexpr std::size_t line_octets = 2'000;

}  // namespace

Result<std::unique_ptr<SendLog>> SendLog::open(world::Folder& folder, const std::string& name,
                                               const world::Clock& clock) {
  auto file = folder.open_file(name, true);
  if (!file && file.error().kind == Error::Kind::not_found) file = folder.create_file(name, file_mode);
  if (!file) return failure(std::move(file.error()));
  const auto size = (*file)->size();
  if (!size) return failure(size.error());
  return std::make_unique<SendLog>(std::move(*file), *size, clock);
}

void SendLog::say(std::string_view text) {
  if (size_ > most_octets) return;
  const auto line = fmt::format("{} {}\n", to_rfc3339(clock_.wall()), LogText(text, line_octets).text());
  if (file_->write_at(size_, line)) size_ += line.size();
}

void SendLog::on_connecting(const Endpoint& to) { say("connecting to " + to.to_string()); }
void SendLog::on_unreachable(const Endpoint& /*to*/, std::string_view why) { say(why); }
void SendLog::on_state(smtp::ClientState state) {
  if (state != smtp::ClientState::ready && state != smtp::ClientState::closed) say(fmt::format("[{}]", name_of(state)));
}
void SendLog::on_line(const smtp::DialogueLine& line) {
  say((line.direction == smtp::DialogueLine::Direction::sent ? ">>> " : "<<< ") + line.text);
}
void SendLog::on_tls(const world::TlsFacts& facts) { say(fmt::format("{}, {}", facts.protocol, facts.cipher)); }
void SendLog::on_size(std::uint64_t octets) { say(fmt::format("the text has {} octets", octets)); }
void SendLog::on_text(std::string_view /*piece*/) {}

}  // namespace posthorn::cli
