#include "rules/login_guard.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace posthorn::rules {
namespace {

constexpr unsigned ipv6_customer_bits = 64;

std::string text_of(std::string_view name, const IpAddress& peer) {
  const auto group = peer.is_v6() ? peer.prefix(ipv6_customer_bits) : peer;
  std::string text(1, group.is_v6() ? '6' : '4');
  for (const auto octet : group.octets()) text += static_cast<char>(octet);
  return text += name;
}

}  // namespace

LoginGuard::LoginGuard(const Settings& settings, KeyedHash::Key key)
    : settings_(settings), hash_(key), table_(std::max<std::size_t>(1, settings.entries / ways) * ways) {}

bool LoginGuard::is_locked(std::string_view name, const IpAddress& peer, MonotonicTime now) const {
  const auto* entry = find(key_of(name, peer));
  if (entry == nullptr || entry->failures < settings_.lock_after || is_forgotten(*entry, now)) return false;
  const auto lock = doubled(settings_.first_lock, entry->failures - settings_.lock_after, settings_.longest_lock);
  return now < after(entry->last, lock);
}

bool LoginGuard::is_suspect(const IpAddress& peer, MonotonicTime now) const {
  return failures(key_of({}, peer), now) > 0;
}

Duration LoginGuard::note_failure(std::string_view name, const IpAddress& peer, MonotonicTime now) {
  const auto of_address = count(key_of({}, peer), now);
  const auto of_both = name.empty() ? of_address : count(key_of(name, peer), now);
  return doubled(settings_.first_delay, std::max(of_address, of_both) - 1, settings_.longest_delay);
}

void LoginGuard::note_success(std::string_view name, const IpAddress& peer) {
  // The address keeps its own count: a spy with an account of its own must not wash itself clean.
  const auto key = key_of(name, peer);
  for (auto& entry : std::span(table_).subspan(set_of(key), ways)) {
    if (entry.key == key) entry = Entry{};
  }
}

std::uint64_t LoginGuard::key_of(std::string_view name, const IpAddress& peer) const {
  return hash_.of(text_of(name, peer));
}

std::uint32_t LoginGuard::failures(std::uint64_t key, MonotonicTime now) const {
  const auto* entry = find(key);
  return entry == nullptr || is_forgotten(*entry, now) ? 0 : entry->failures;
}

const LoginGuard::Entry* LoginGuard::find(std::uint64_t key) const {
  const auto set = std::span(table_).subspan(set_of(key), ways);
  const auto found =
      std::ranges::find_if(set, [key](const Entry& entry) { return entry.failures > 0 && entry.key == key; });
  return found == set.end() ? nullptr : &*found;
}

/// One failure more; in a full set the entry that weighs least, by failures and then by age, makes room.
std::uint32_t LoginGuard::count(std::uint64_t key, MonotonicTime now) {
  auto set = std::span(table_).subspan(set_of(key), ways);
  const auto weight = [&](const Entry& entry) {
    return std::pair(is_forgotten(entry, now) ? 0 : entry.failures, entry.last);
  };
  auto place = std::ranges::find_if(set, [key](const Entry& entry) { return entry.failures > 0 && entry.key == key; });
  if (place == set.end()) {
    place = std::ranges::min_element(set, {}, weight);
    *place = Entry{.key = key};
  }
  if (is_forgotten(*place, now)) place->failures = 0;
  if (place->failures < std::numeric_limits<std::uint32_t>::max()) ++place->failures;
  place->last = now;
  return place->failures;
}

bool LoginGuard::is_forgotten(const Entry& entry, MonotonicTime now) const {
  return entry.failures == 0 || now >= after(entry.last, settings_.memory);
}

Duration LoginGuard::doubled(Duration first, std::uint32_t times, Duration most) const {
  auto value = first;
  for (; times > 0 && value < most; --times) value *= 2;
  return std::min(value, most);
}

}  // namespace posthorn::rules
