#include "store/maildir_names.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/utf8.hpp"

namespace posthorn::store {
namespace {

constexpr std::size_t longest_name = 200;  // octets, as written

void put_unit(std::string& octets, char32_t unit) {
  octets += static_cast<char>(static_cast<unsigned char>(unit >> 8));
  octets += static_cast<char>(static_cast<unsigned char>(unit & 0xFF));
}

/// UTF-16, big-endian.
void put_point(std::string& octets, char32_t point) {
  if (point < 0x10000) return put_unit(octets, point);
  point -= 0x10000;
  put_unit(octets, 0xD800 + (point >> 10));
  put_unit(octets, 0xDC00 + (point & 0x3FF));
}

/// RFC 3501 §5.1.3: base64 without padding, "," for "/".
std::string shifted(std::string_view octets) {
  std::string text = base64::encode(octets);
  while (text.ends_with('=')) text.pop_back();
  for (auto& c : text) {
    if (c == '/') c = ',';
  }
  return "&" + text + "-";
}

/// None: it is not UTF-8, or has characters that no name may have.
std::optional<std::string> to_modified_utf7(std::string_view text) {
  std::string out;
  std::string run;  // of characters that are not ASCII
  while (!text.empty()) {
    const auto point = utf8::first_of(text);
    if (!point) return std::nullopt;
    const bool is_ascii = point->octets == 1;
    if (is_ascii && (!ascii::is_printable(text.front()) || text.front() == '/')) return std::nullopt;
    if (is_ascii && !run.empty()) {
      out += shifted(run);
      run.clear();
    }
    if (!is_ascii) {
      put_point(run, point->value);
    } else {
      out += text.front();
      if (text.front() == '&') out += '-';
    }
    text.remove_prefix(point->octets);
  }
  return run.empty() ? out : out + shifted(run);
}

}  // namespace

std::optional<std::string> maildir_folder_name(std::string_view name) {
  if (name.empty() || name.starts_with('.') || name.ends_with('.') || name.find("..") != std::string_view::npos ||
      ascii::same_word(name, "inbox")) {
    return std::nullopt;
  }
  const auto written = to_modified_utf7(name);
  if (!written || written->size() > longest_name) return std::nullopt;
  return "." + *written;
}

}  // namespace posthorn::store
