#include "store/quota_file.hpp"

#include "base/ascii.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

namespace posthorn::store {
namespace {

/// A sum of numbers that others wrote: it stops at the ends instead of running over.
class Sum {
 public:
  void add(std::int64_t number) {
    std::int64_t result = 0;
    if (__builtin_add_overflow(sum_, number, &result)) {
      result = number < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    }
    sum_ = result;
  }
  [[nodiscard]] std::uint64_t value() const { return static_cast<std::uint64_t>(std::max<std::int64_t>(sum_, 0)); }

 private:
  std::int64_t sum_ = 0;
};

std::optional<std::int64_t> to_signed(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const auto number = ascii::to_number(text);
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  const auto value = static_cast<std::int64_t>(*number);
  return is_negative ? -value : value;
}

/// "1000000S,100C" and the like, in any order.
std::optional<std::uint64_t> parse_limit(std::string_view line) {
  std::uint64_t limit = 0;
  while (!line.empty()) {
    const auto part = line.substr(0, line.find(','));
    line.remove_prefix(std::min(part.size() + 1, line.size()));
    if (part.empty()) continue;
    const auto number = ascii::to_number(part.substr(0, part.size() - 1));
    if (!number) return std::nullopt;
    if (part.back() == 'S') limit = *number;
  }
  return limit;
}

}  // namespace

std::optional<QuotaFileText> parse_quota_file(std::string_view text) {
  const auto first = text.find('\n');
  if (first == std::string_view::npos) return std::nullopt;
  const auto limit = parse_limit(text.substr(0, first));
  if (!limit) return std::nullopt;
  QuotaFileText file{.limit = *limit, .use = {}, .entries = 0};
  text.remove_prefix(first + 1);
  Sum octets;
  Sum mails;
  for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const auto line = ascii::trim(text.substr(0, end));
    text.remove_prefix(end + 1);
    const auto blank = std::min(line.find(' '), line.size());
    const auto size = to_signed(line.substr(0, blank));
    const auto count = to_signed(ascii::trim(line.substr(blank)));
    if (!size || !count) return std::nullopt;
    octets.add(*size);
    mails.add(*count);
    ++file.entries;
  }
  file.use = {octets.value(), mails.value()};
  return file;
}

std::string quota_file(std::uint64_t limit, const MailboxUse& use) {
  return fmt::format("{}S\n{}", limit, quota_line(use));
}

std::string quota_line(const MailboxUse& more) { return fmt::format("{} {}\n", more.octets, more.mails); }

std::optional<std::uint64_t> size_in_name(std::string_view name) {
  constexpr std::string_view key = ",S=";
  name = name.substr(0, name.find(':'));
  const auto at = name.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  name.remove_prefix(at + key.size());
  return ascii::to_number(name.substr(0, name.find_first_not_of("0123456789")));
}

}  // namespace posthorn::store
