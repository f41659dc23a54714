#include "smtp/reply.hpp"

#include "base/assert.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace posthorn::smtp {

void ReplyLines::add_line(const ReplyText& line) {
  if (const auto* literal = std::get_if<std::string_view>(&text_)) text_ = std::string(*literal);
  auto& text = *std::get_if<std::string>(&text_);
  text += '\n';
  text += line.text();
}

std::string_view ReplyLines::view() const {
  const auto* literal = std::get_if<std::string_view>(&text_);
  return literal != nullptr ? *literal : std::string_view(*std::get_if<std::string>(&text_));
}

Reply::Reply(unsigned code, mail::EnhancedStatus status, ReplyLines lines)
    : lines_(std::move(lines)), status_(status), code_(static_cast<std::uint16_t>(code)) {
  ensure(code / 100 == static_cast<unsigned>(status.status_class()), "RFC 2034: status and code agree");
  ensure(code < 600, "a reply code has three digits");
}

Reply::Reply(unsigned code, ReplyLines lines) : lines_(std::move(lines)), code_(static_cast<std::uint16_t>(code)) {
  ensure(code >= 200 && code < 600, "a reply code is 2yz to 5yz");
}

void Reply::append_to(std::string& out) const {
  auto rest = text();
  for (bool more = true; more;) {
    const auto end = rest.find('\n');
    more = end != std::string_view::npos;
    fmt::format_to(std::back_inserter(out), "{}{}", code_, more ? '-' : ' ');
    if (status_) {
      fmt::format_to(std::back_inserter(out), "{}.{}.{} ", static_cast<unsigned>(status_->status_class()),
                     status_->subject(), status_->detail());
    }
    out.append(rest.substr(0, end)).append("\r\n");
    if (more) rest.remove_prefix(end + 1);
  }
}

std::string Reply::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

}  // namespace posthorn::smtp
