// The simulated resolver: answers from a table that the test fills, after a delay. Names that are not in it do not exist.
#pragma once

#include "sim/loop.hpp"
#include "world/resolver.hpp"
#include "world/wait.hpp"

#include <map>
#include <string>
#include <utility>

namespace posthorn::sim {

class Resolver final : public world::Resolver {
 public:
  explicit Resolver(Loop& loop, Duration delay = {}) : loop_(loop), delay_(delay) {}

  /// One more record; the name has it from now on.
  void add(std::string name, world::DnsType type, world::DnsRecord record) {
    auto& answer = answers_[{std::move(name), type}];
    answer.status = world::DnsAnswer::Status::found;
    answer.records.push_back(std::move(record));
  }
  /// Whatever this is asked for the name and type, it answers so.
  void set(std::string name, world::DnsType type, world::DnsAnswer answer) {
    answers_[{std::move(name), type}] = std::move(answer);
  }

  world::Task<world::DnsAnswer> query(std::string name, world::DnsType type, MonotonicTime deadline) override {
    const auto answered_at = after(loop_.now(), delay_);
    co_await world::sleep_until(loop_, answered_at < deadline ? answered_at : deadline);
    if (answered_at > deadline) co_return world::DnsAnswer{.why = "no answer in time"};
    co_return find(name, type);
  }

 private:
  [[nodiscard]] world::DnsAnswer find(const std::string& name, world::DnsType type) const {
    const auto found = answers_.find({name, type});
    if (found != answers_.end()) return found->second;
    const auto any = answers_.lower_bound({name, world::DnsType{}});
    const bool is_known = any != answers_.end() && any->first.first == name;
    return {.status = is_known ? world::DnsAnswer::Status::no_records : world::DnsAnswer::Status::no_name};
  }

  Loop& loop_;
  Duration delay_;
  std::map<std::pair<std::string, world::DnsType>, world::DnsAnswer> answers_;
};

}  // namespace posthorn::sim
