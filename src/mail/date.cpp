#include "mail/date.hpp"

#include "base/ascii.hpp"
#include "base/scanner.hpp"
#include "mail/header_lexer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace posthorn::mail {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr std::array<std::string_view, 7> day_names{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr minutes widest_zone{99 * 60 + 59};

struct NamedZone {
  std::string_view name;
  int hours;
};
// RFC 5322 §4.3: obs-zone. Every other name, the military letters among them, means that the zone is not known.
constexpr std::array<NamedZone, 10> named_zones{{{"UT", 0},
                                                 {"GMT", 0},
                                                 {"EST", -5},
                                                 {"EDT", -4},
                                                 {"CST", -6},
                                                 {"CDT", -5},
                                                 {"MST", -7},
                                                 {"MDT", -6},
                                                 {"PST", -8},
                                                 {"PDT", -7}}};

/// `digits` decimal digits. By hand: each message has two dates at least, and a general formatter costs ten times as much.
void append_number(std::string& text, std::int64_t number, std::size_t digits) {
  const auto start = text.size();
  text.append(digits, '0');
  for (auto at = text.size(); at > start; number /= 10) text[--at] = static_cast<char>('0' + number % 10);
}

void append_zone(std::string& text, minutes zone) {
  const auto size = std::chrono::abs(zone).count();
  text += zone < minutes{0} ? '-' : '+';
  append_number(text, size / 60, 2);
  append_number(text, size % 60, 2);
}

seconds clamped(seconds local) {
  using std::chrono::January;
  constexpr seconds first = sys_days{std::chrono::year{1900} / January / 1}.time_since_epoch();
  constexpr seconds past_last = sys_days{std::chrono::year{10'000} / January / 1}.time_since_epoch();
  return std::clamp(local, first, past_last - seconds{1});
}

/// Reads the parts of a date-time from left to right; each function takes one part and the blanks and comments after it.
class Reader {
 public:
  explicit Reader(std::string_view text) : scanner_(text) { skip_blanks(); }

  [[nodiscard]] std::optional<DateTime> date_time() {
    if (ascii::is_letter(scanner_.peek()) && !day_of_week()) return std::nullopt;
    const auto day = date();
    const auto clock = day ? time_of_day() : std::nullopt;
    const auto offset = clock ? zone() : std::nullopt;
    if (!offset || !scanner_.at_end() || !comments_end_) return std::nullopt;
    return DateTime{WallTime{*day + *clock - *offset}, *offset};
  }

 private:
  bool day_of_week() {
    const bool known = name_index(day_names).has_value();
    return known && mark(',');
  }

  std::optional<seconds> date() {
    const auto day = number(1, 2);
    const auto month = name_index(month_names);
    const auto year_of_date = month ? year() : std::nullopt;
    if (!day || !year_of_date) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{*year_of_date},
                                           std::chrono::month{static_cast<unsigned>(*month) + 1},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return sys_days{date}.time_since_epoch();
  }

  /// RFC 5322 §4.3: obs-year has two or three digits. Years past 9999 are nobody's.
  std::optional<int> year() {
    const auto digits = scanner_.take_while(ascii::is_digit);
    skip_blanks();
    if (digits.size() < 2 || digits.size() > 4) return std::nullopt;
    const auto value = static_cast<int>(ascii::to_number(digits).value_or(0));
    if (digits.size() == 2) return value + (value < 50 ? 2000 : 1900);
    if (digits.size() == 3) return value + 1900;
    return value >= 1900 ? std::optional{value} : std::nullopt;
  }

  std::optional<seconds> time_of_day() {
    const auto hour = number(1, 2);
    if (!hour || *hour > 23 || !mark(':')) return std::nullopt;
    const auto minute = number(2, 2);
    if (!minute || *minute > 59) return std::nullopt;
    const auto second = mark(':') ? number(2, 2) : std::optional{0};
    if (!second || *second > 60) return std::nullopt;  // 60: a leap second
    return seconds{*hour * 3600 + *minute * 60 + *second};
  }

  std::optional<minutes> zone() {
    const bool west = scanner_.peek() == '-';
    if (scanner_.take('-') || scanner_.take('+')) {
      const auto value = number(4, 4);
      if (!value || *value % 100 > 59) return std::nullopt;
      const minutes size{*value / 100 * 60 + *value % 100};
      return west ? -size : size;
    }
    const auto name = scanner_.take_while(ascii::is_letter);
    skip_blanks();
    if (name.empty()) return std::nullopt;
    const auto* const known =
        std::ranges::find_if(named_zones, [&](const auto& zone) { return ascii::same_word(zone.name, name); });
    return minutes{known == named_zones.end() ? 0 : known->hours * 60};
  }

  void skip_blanks() { comments_end_ = skip_cfws(scanner_) && comments_end_; }

  bool mark(char wanted) {
    const bool taken = scanner_.take(wanted);
    if (taken) skip_blanks();
    return taken;
  }

  std::optional<int> number(std::size_t least_digits, std::size_t most_digits) {
    const auto digits = scanner_.take_while(ascii::is_digit);
    skip_blanks();
    if (digits.size() < least_digits || digits.size() > most_digits) return std::nullopt;
    return static_cast<int>(ascii::to_number(digits).value_or(0));
  }

  template <std::size_t Count>
  std::optional<std::size_t> name_index(const std::array<std::string_view, Count>& names) {
    const auto name = scanner_.take_while(ascii::is_letter);
    skip_blanks();
    const auto* const found = std::ranges::find_if(names, [&](auto known) { return ascii::same_word(known, name); });
    if (found == names.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names.begin());
  }

  Scanner scanner_;
  bool comments_end_ = true;
};

}  // namespace

std::string to_date_time(WallTime time, minutes zone) {
  zone = std::clamp(zone, -widest_zone, widest_zone);
  const auto local = clamped(std::chrono::floor<seconds>(time.time_since_epoch()) + zone);
  const auto days = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{sys_days{days}};
  const std::chrono::hh_mm_ss clock{local - days};
  const auto day = static_cast<unsigned>(date.day());

  std::string text;
  text.reserve(31);
  text += day_names.at(std::chrono::weekday{sys_days{days}}.c_encoding());
  text += ", ";
  append_number(text, day, day < 10 ? 1 : 2);
  text += ' ';
  text += month_names.at(static_cast<unsigned>(date.month()) - 1);
  text += ' ';
  append_number(text, static_cast<int>(date.year()), 4);
  text += ' ';
  append_number(text, clock.hours().count(), 2);
  text += ':';
  append_number(text, clock.minutes().count(), 2);
  text += ':';
  append_number(text, clock.seconds().count(), 2);
  text += ' ';
  append_zone(text, zone);
  return text;
}

std::optional<DateTime> parse_date_time(std::string_view text) { return Reader(text).date_time(); }

}  // namespace posthorn::mail
