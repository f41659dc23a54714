#include "mail/mime_part.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace posthorn::mail {
namespace {

/// Made from the parts, so that no message can have it in store.
std::string boundary_for(const std::vector<MimePart>& parts) {
  const auto stands_in_one = [&](const std::string& boundary) {
    return std::ranges::any_of(parts, [&](const auto& part) { return part.body.contains(boundary); });
  };
  std::size_t number = 0;
  for (const auto& part : parts) number = number * 31 ^ std::hash<std::string>{}(part.body);
  auto boundary = fmt::format("=_posthorn_{:016x}", number);
  while (stands_in_one(boundary)) boundary = fmt::format("=_posthorn_{:016x}", ++number);
  return boundary;
}

}  // namespace

std::string written(const MimePart& part) {
  std::string text = fmt::format("Content-Type: {}\r\n", part.type);
  if (!part.disposition.empty()) text += fmt::format("Content-Disposition: {}\r\n", part.disposition);
  return text += fmt::format("Content-Transfer-Encoding: {}\r\n\r\n{}", part.encoding, part.body);
}

std::string multipart(std::string_view subtype, const std::vector<MimePart>& parts) {
  const auto boundary = boundary_for(parts);
  const bool is_8bit = std::ranges::any_of(parts, [](const auto& part) { return part.encoding == "8bit"; });
  std::string text = fmt::format("Content-Type: multipart/{};\r\n boundary=\"{}\"\r\n", subtype, boundary);
  if (is_8bit) text += "Content-Transfer-Encoding: 8bit\r\n";  // RFC 2045 §6.4
  for (const auto& part : parts) text += fmt::format("\r\n--{}\r\n{}", boundary, written(part));
  return text += fmt::format("\r\n--{}--\r\n", boundary);
}

}  // namespace posthorn::mail
