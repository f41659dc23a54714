// The reader of HTTP requests: whatever it is, a request or a refusal; whole and in pieces it is the same; bounds hold, and what
// was read has no control character where a path, a query or a field could carry one further.
#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "service/http_request.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using posthorn::ensure;
using posthorn::service::HttpReader;
using posthorn::service::HttpRequest;

namespace {

constexpr HttpReader::Settings settings{.head_octets = 1024, .body_octets = 256, .fields = 20};

/// All requests of the input, as text, up to the first refusal.
std::string read_all(std::string_view input, std::size_t step) {
  std::string told;
  HttpReader reader(settings);
  std::string rest;
  while (true) {
    rest.erase(0, reader.feed(rest));
    if (reader.state() == HttpReader::State::refused) {
      ensure(reader.status() >= 400 && reader.status() < 600, "a refusal has a status");
      return told + "refused " + std::to_string(reader.status());
    }
    if (reader.state() == HttpReader::State::done) {
      const auto request = reader.take();
      ensure(request.path.starts_with('/') && request.body.size() <= settings.body_octets,
             "a request is within bounds");
      ensure(std::ranges::none_of(request.path, posthorn::ascii::is_control), "a path has no control character");
      told += request.method + " " + request.path + "\n";
      for (const auto& [name, value] : request.query) {
        ensure(std::ranges::none_of(name + value, posthorn::ascii::is_control), "a query has no control character");
        told += name + "=" + value + "\n";
      }
      for (const auto& [name, value] : request.fields) {
        ensure(value.find_first_of("\r\n") == std::string::npos, "a field is one line");
        told += name + ": " + value + "\n";
      }
      told += request.body + (request.keeps_connection ? "\nkeeps\n" : "\ncloses\n");
      continue;
    }
    ensure(rest.empty(), "what is unfinished is taken whole");
    if (input.empty()) return told + (reader.has_begun() ? "unfinished" : "end");
    rest = input.substr(0, step);
    input.remove_prefix(rest.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(data, data + size);
  const auto whole = read_all(input, std::max<std::size_t>(input.size(), 1));
  for (const std::size_t step : {1U, 2U, 7U}) ensure(read_all(input, step) == whole, "pieces read as the whole does");
  return 0;
}
