#include "service/history.hpp"

#include <utility>

namespace posthorn::service {

History::History(World world, HistorySettings settings)
    : world_(world),
      settings_(std::move(settings)),
      files_(std::make_shared<store::HistoryFiles>(world.disk, settings_.files)),
      written_(world.loop) {
  written_.set();
}

History::~History() { world_.loop.cancel_timer(timer_); }

void History::keep_for(Duration keep) {
  settings_.files.keep = keep;
  files_->keep_for(keep);
}

void History::note(MessageId id, std::string_view line) {
  if (!is_kept() || has_ended_) return;
  if (gathered_.size() + line.size() > settings_.most_octets) {
    ++dropped_;
    return;
  }
  gathered_ += id.to_string();
  gathered_ += ' ';
  gathered_ += line;
  gathered_ += '\n';
  write_soon();
}

void History::write_soon() {
  if (is_writing_) return;
  if (gathered_.size() >= settings_.write_octets) {
    world_.loop.cancel_timer(std::exchange(timer_, world::TimerId::none));
    tasks_.start(write());
  } else if (timer_ == world::TimerId::none) {
    timer_ = world_.loop.start_timer(after(world_.loop.now(), settings_.write_interval), [this] {
      timer_ = world::TimerId::none;
      if (!is_writing_ && !gathered_.empty()) tasks_.start(write());
    });
  }
}

world::Task<> History::write() {
  is_writing_ = true;
  written_.clear();
  const auto lines = std::exchange(gathered_, {});
  const auto wall = world_.clock.wall();
  const auto written = co_await world::on_workers(
      world_.workers, world_.loop, [files = files_, &lines, wall] { return files->append(lines, wall); });
  if (!written) tell_of(written.error());
  if (written && std::exchange(is_failing_, false)) world_.log.info("history.kept_again", {});
  is_writing_ = false;
  written_.set();
  if (!gathered_.empty()) write_soon();
}

void History::tell_of(const Error& error) {
  ++dropped_;
  if (std::exchange(is_failing_, true)) return;
  world_.log.warning(
      "history.not_kept",
      {{"error", error.text}, {"what_to_do", "mail is not concerned; `posthorn queue show` will know less"}});
}

world::Task<std::vector<std::string>> History::lines_of(MessageId id, std::size_t most) {
  while (is_writing_) co_await written_.wait(never);
  if (!gathered_.empty()) co_await write();
  auto lines = co_await world::on_workers(world_.workers, world_.loop,
                                          [files = files_, id, most] { return files->lines_of(id.to_string(), most); });
  if (lines) co_return std::move(*lines);
  tell_of(lines.error());
  co_return std::vector<std::string>{};
}

world::Task<> History::end() {
  has_ended_ = true;
  world_.loop.cancel_timer(std::exchange(timer_, world::TimerId::none));
  while (is_writing_) co_await written_.wait(never);
  if (!gathered_.empty()) co_await write();
}

}  // namespace posthorn::service
