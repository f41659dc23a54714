#include "system/dns_service.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace posthorn::system {
namespace {

constexpr std::uint16_t type_dnskey = 48;

std::string first_readable(const std::vector<std::string>& files) {
  const auto found =
      std::ranges::find_if(files, [](const std::string& file) { return ::access(file.c_str(), R_OK) == 0; });
  return found == files.end() ? std::string{} : *found;
}

}  // namespace

Result<std::unique_ptr<DnsService>> DnsService::make(Settings settings, const world::Clock& clock, world::Log& log) {
  std::unique_ptr<UnboundContext> validating;
  std::unique_ptr<UnboundContext> plain;
  const bool own_anchor = !settings.trust_anchor.empty();
  const auto anchor = own_anchor ? settings.trust_anchor : first_readable(settings.root_anchors);
  if (!anchor.empty()) {
    auto made = UnboundContext::make(
        {.servers = settings.servers, .trust_anchor = anchor, .private_names_are_insecure = !own_anchor}, clock);
    if (!made) return failure(std::move(made.error()));
    validating = std::move(*made);
  }
  if (!own_anchor) {
    auto made = UnboundContext::make({.servers = settings.servers, .trust_anchor = {}}, clock);
    if (!made) return failure(std::move(made.error()));
    plain = std::move(*made);
  }
  return std::make_unique<DnsService>(std::move(settings), std::move(validating), std::move(plain), clock, log);
}

DnsService::DnsService(Settings settings, std::unique_ptr<UnboundContext> validating,
                       std::unique_ptr<UnboundContext> plain, const world::Clock& clock, world::Log& log)
    : settings_(std::move(settings)),
      clock_(clock),
      log_(log),
      validating_(std::move(validating)),
      plain_(std::move(plain)) {
  if (!plain_) mode_ = Mode::validating;
  if (!validating_) mode_ = Mode::plain;
}

DnsService::~DnsService() = default;

void DnsService::ask(const std::string& name, world::DnsType type, MonotonicTime limit,
                     UnboundContext::Callback callback) {
  Waiting question{name, type, limit, std::move(callback)};
  Mode mode{};
  bool try_now = false;
  {
    const std::lock_guard lock{mutex_};
    mode = mode_;
    const bool is_due = mode == Mode::untried || clock_.now() >= after(last_trial_, settings_.next_trial);
    try_now = mode != Mode::validating && validating_ && is_due && !std::exchange(trying_, true);
    if (mode == Mode::untried) waiting_.push_back(std::move(question));
  }
  if (try_now) try_validation();
  if (mode != Mode::untried) ask_in(mode, std::move(question));
}

void DnsService::ask_in(Mode mode, Waiting question) {
  const auto type = static_cast<std::uint16_t>(question.type);
  if (mode == Mode::plain) {
    plain_->ask(question.name, type, question.limit, std::move(question.callback));
    return;
  }
  validating_->ask(question.name, type, question.limit,
                   [this, callback = std::move(question.callback)](world::DnsAnswer answer) mutable {
                     note(answer);
                     callback(std::move(answer));
                   });
}

/// The root's keys, validated: with them everything below can be.
void DnsService::try_validation() {
  validating_->ask(
      ".", type_dnskey, after(clock_.now(), settings_.trial_limit),
      [this](const world::DnsAnswer& answer) { end_trial(answer.security == world::DnsSecurity::secure); });
}

void DnsService::end_trial(bool works) {
  std::vector<Waiting> waiting;
  const auto mode = works ? Mode::validating : Mode::plain;
  bool changed = false;
  {
    const std::lock_guard lock{mutex_};
    changed = std::exchange(mode_, mode) != mode;
    trying_ = false;
    last_trial_ = clock_.now();
    waiting.swap(waiting_);
  }
  if (changed) {
    generation_.fetch_add(1, std::memory_order_relaxed);
    log_.info("dns.validation", {{"works", works}});
  }
  for (auto& question : waiting) ask_in(mode, std::move(question));
}

/// Bad answers may mean that the way to validated ones is broken since the last trial.
void DnsService::note(const world::DnsAnswer& answer) {
  if (answer.status != world::DnsAnswer::Status::failed || !plain_) return;
  {
    const std::lock_guard lock{mutex_};
    if (trying_ || clock_.now() < after(last_trial_, settings_.trial_after_bogus)) return;
    trying_ = true;
  }
  try_validation();
}

}  // namespace posthorn::system
