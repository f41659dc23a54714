// DnsService: how this machine resolves names, shared by all loops. Validates (RFC 4035) with the anchor that is set, or with
// the root's where the system has it and the servers pass the records for it; that is tried before the first question and
// again from time to time. Where validation is not to be had, answers are insecure, and no mail fails for it.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "system/unbound_context.hpp"
#include "world/clock.hpp"
#include "world/log.hpp"
#include "world/resolver.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace posthorn::system {

struct DnsServiceSettings {
  std::vector<Endpoint> servers;  ///< empty: the system's
  std::string trust_anchor;       ///< file of DS or DNSKEY records: always validate with it; empty: see above
  std::vector<std::string> root_anchors{"/usr/share/dns/root.key", "/var/lib/unbound/root.key", "/etc/unbound/root.key",
                                        "/etc/trusted-key.key"};  ///< the first that is there is the system's
  Duration trial_limit = std::chrono::seconds{5};
  Duration next_trial = std::chrono::minutes{10};        ///< after one that failed
  Duration trial_after_bogus = std::chrono::minutes{1};  ///< at least, between trials that bad answers cause
};

class DnsService {
 public:
  using Settings = DnsServiceSettings;

  /// Errors: as UnboundContext::make. `log` hears whether answers are validated.
  static Result<std::unique_ptr<DnsService>> make(Settings settings, const world::Clock& clock, world::Log& log);
  DnsService(Settings settings, std::unique_ptr<UnboundContext> validating, std::unique_ptr<UnboundContext> plain,
             const world::Clock& clock, world::Log& log);
  ~DnsService();

  /// The answer comes once, on another thread, at the latest at the limit. Any thread.
  void ask(const std::string& name, world::DnsType type, MonotonicTime limit, UnboundContext::Callback callback);

  /// Changes when answers given before may no longer hold. Any thread.
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_relaxed); }

 private:
  enum class Mode : std::uint8_t { untried, validating, plain };
  struct Waiting {
    std::string name;
    world::DnsType type;
    MonotonicTime limit;
    UnboundContext::Callback callback;
  };

  void ask_in(Mode mode, Waiting question);
  void try_validation();
  void end_trial(bool works);
  void note(const world::DnsAnswer& answer);

  Settings settings_;
  const world::Clock& clock_;
  world::Log& log_;
  std::atomic<std::uint64_t> generation_ = 0;

  std::mutex mutex_;
  Mode mode_ = Mode::untried;
  bool trying_ = false;
  MonotonicTime last_trial_{};
  std::vector<Waiting> waiting_;  ///< for the first trial

  std::unique_ptr<UnboundContext> validating_;  ///< none: there is no anchor
  std::unique_ptr<UnboundContext> plain_;       ///< none: an anchor was set
};

}  // namespace posthorn::system
