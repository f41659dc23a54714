// Dates from any text, and text from any date.
#include "base/assert.hpp"
#include "mail/date.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

using namespace posthorn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  if (const auto date = mail::parse_date_time(text)) {
    const auto written = mail::to_date_time(date->time, date->zone);
    const auto again = mail::parse_date_time(written);
    ensure(again.has_value(), "what we write can be read");
    const bool is_last = written.contains("31 Dec 9999 23:59:59");  // a leap second after it cannot be said
    ensure(*again == *date || is_last, "and is the same date");
  }
  std::int64_t number = 0;
  std::memcpy(&number, text.data(), std::min(text.size(), sizeof number));
  const auto written =
      mail::to_date_time(WallTime{std::chrono::microseconds{number}}, std::chrono::minutes{number % 10'000});
  ensure(written.size() >= 30 && written.size() <= 31 && mail::parse_date_time(written), "every moment has a text");
  return 0;
}
