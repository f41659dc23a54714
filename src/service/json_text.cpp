#include "service/json_text.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"

#include <algorithm>
#include <chrono>

namespace posthorn::service {
namespace {

constexpr std::size_t longest_text = 64U << 10;

bool is_plain(char c) { return ascii::is_printable(c) && c != '"' && c != '\\'; }

void put_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

/// As to_rfc3339(), which is made for the odd line of a log and not for a list of a million.
void put_time(std::string& out, WallTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time.time_since_epoch());
  const year_month_day date{sys_days{day}};
  if (date.year() < year{1970} || date.year() > year{9999}) {
    out += to_rfc3339(time);
    return;
  }
  const hh_mm_ss clock{floor<seconds>(time.time_since_epoch() - day)};
  const auto start = out.size();
  out += "0000-00-00T00:00:00Z";
  const auto set = [&out, start](std::size_t place, std::size_t digits, unsigned number) {
    for (auto at = start + place + digits; at > start + place; number /= 10)
      out[--at] = static_cast<char>('0' + number % 10);
  };
  set(0, 4, static_cast<unsigned>(int{date.year()}));
  set(5, 2, unsigned{date.month()});
  set(8, 2, unsigned{date.day()});
  set(11, 2, static_cast<unsigned>(clock.hours().count()));
  set(14, 2, static_cast<unsigned>(clock.minutes().count()));
  set(17, 2, static_cast<unsigned>(clock.seconds().count()));
}

}  // namespace

void put_json(std::string& out, std::string_view text) {
  out += '"';
  if (std::ranges::all_of(text, is_plain)) {
    out += text;
  } else {
    put_escaped(out, LogText(text, longest_text).text());
  }
  out += '"';
}

void JsonObject::open(std::string_view key) {
  out_ += is_first_ ? "\"" : ",\"";
  is_first_ = false;
  out_ += key;
  out_ += "\":";
}

JsonObject& JsonObject::text(std::string_view key, std::string_view value) {
  open(key);
  put_json(out_, value);
  return *this;
}

JsonObject& JsonObject::text_or_null(std::string_view key, std::string_view value) {
  return value.empty() ? null(key) : text(key, value);
}

JsonObject& JsonObject::time(std::string_view key, WallTime value) {
  open(key);
  out_ += '"';
  put_time(out_, value);
  out_ += '"';
  return *this;
}

JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
  open(key);
  out_ += json;
  return *this;
}

}  // namespace posthorn::service
