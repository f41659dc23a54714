#include "mail/file_type.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::mail {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 32> types{{
    {"7z", "application/x-7z-compressed"},
    {"bz2", "application/x-bzip2"},
    {"csv", "text/csv"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ics", "text/calendar"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"json", "application/json"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"ogg", "audio/ogg"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain"},
    {"wav", "audio/x-wav"},
    {"webp", "image/webp"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xz", "application/x-xz"},
    {"zip", "application/zip"},
}};

}  // namespace

std::string_view content_type_of_file(std::string_view name) {
  const auto dot = name.rfind('.');
  const auto ending = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  const auto found =
      std::ranges::find_if(types, [ending](const auto& type) { return ascii::same_word(ending, type.first); });
  return found == types.end() ? "application/octet-stream" : found->second;
}

}  // namespace posthorn::mail
