// UnboundContext: one libunbound resolver with its threads. Questions come from any thread; each answer comes once, on the
// context's own thread, at the latest when its limit has passed.
// The administrator's servers decide: libunbound's built-in zones for test., localhost., private addresses and their kin are
// switched off, and servers on loopback may be asked.
#pragma once

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "system/descriptor.hpp"
#include "system/thread.hpp"
#include "world/clock.hpp"
#include "world/resolver.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

struct ub_ctx;
struct ub_result;

namespace posthorn::system {

struct UnboundSettings {
  std::vector<Endpoint> servers;            ///< empty: those of /etc/resolv.conf, after /etc/hosts
  std::string trust_anchor;                 ///< file of DS or DNSKEY records; empty: answers are not validated
  bool private_names_are_insecure = false;  ///< test., internal. and the like need no signature that the root denies
};

class UnboundContext {
 public:
  using Callback = std::move_only_function<void(world::DnsAnswer)>;

  /// Errors: not_found, not_permitted, invalid (the trust anchor), other (an option libunbound does not know).
  static Result<std::unique_ptr<UnboundContext>> make(const UnboundSettings& settings, const world::Clock& clock);
  struct Free {
    void operator()(ub_ctx* context) const;
  };
  using ContextPointer = std::unique_ptr<ub_ctx, Free>;
  UnboundContext(ContextPointer context, Descriptor wake, bool validates, const world::Clock& clock);
  UnboundContext(const UnboundContext&) = delete;
  UnboundContext& operator=(const UnboundContext&) = delete;
  /// Answers that have not come by now never come.
  ~UnboundContext();

  /// `type` by its number: also such as world::DnsType has not, whose answer has no records. Any thread.
  void ask(const std::string& name, std::uint16_t type, MonotonicTime limit, Callback callback);

 private:
  /// libunbound holds its address until it has answered, which it always does: a question whose limit has passed stays,
  /// without its callback.
  struct Question {
    UnboundContext* context;
    std::uint16_t type;
    Callback callback;
    std::multimap<MonotonicTime, Question*>::iterator limit;
  };
  static void on_answer(void* question, int error, ub_result* result);

  void finish(Question* question, world::DnsAnswer answer);
  /// The callback of a question that has not been answered; empty otherwise.
  Callback take_callback(Question& question);
  [[nodiscard]] world::DnsAnswer decode(const ub_result& result, std::uint16_t type) const;
  void serve();
  int next_wait();
  void end_overdue();
  void wake_thread();

  const world::Clock& clock_;
  ContextPointer context_;
  Descriptor wake_;  ///< an eventfd: a new question may have an earlier limit
  const bool validates_;
  std::mutex mutex_;
  std::unordered_map<Question*, std::unique_ptr<Question>> questions_;
  std::multimap<MonotonicTime, Question*> limits_;
  bool ends_ = false;
  Thread thread_;
};

}  // namespace posthorn::system
