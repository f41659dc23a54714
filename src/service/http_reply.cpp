#include "service/http_reply.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace posthorn::service {
namespace {

constexpr std::size_t longest_head = 16U << 10;
constexpr std::size_t longest_line = 256;
constexpr std::string_view head_end = "\r\n\r\n";

}  // namespace

void HttpReplyReader::feed(std::string_view octets) {
  if (state_ == State::head) feed_head(octets);
  while (state_ == State::body && !octets.empty()) in_pieces_ ? feed_pieces(octets) : feed_length(octets);
}

void HttpReplyReader::feed_head(std::string_view& octets) {
  const auto before = head_.size();
  head_ += octets.substr(0, longest_head);
  const auto end = head_.find(head_end, before - std::min(before, head_end.size() - 1));
  if (end == std::string::npos) {
    octets = {};
    if (head_.size() > longest_head) state_ = State::broken;
    return;
  }
  octets.remove_prefix(end + head_end.size() - before);
  head_.resize(end + 2);
  state_ = read_head() ? State::body : State::broken;
  if (state_ == State::body && !in_pieces_ && left_ == 0) state_ = State::done;
}

bool HttpReplyReader::read_head() {
  std::string_view rest = head_;
  const auto line = rest.substr(0, rest.find("\r\n"));
  // RFC 9112 §4: HTTP-version SP status-code SP reason.
  const auto code = line.starts_with("HTTP/1.1 ") ? ascii::to_number(line.substr(9, 3)) : std::nullopt;
  if (!code) return false;
  status_ = static_cast<unsigned>(*code);
  rest.remove_prefix(line.size() + 2);
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    if (!read_field(rest.substr(0, end))) return false;
    rest.remove_prefix(end + 2);
  }
  return true;
}

bool HttpReplyReader::read_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  const auto name = line.substr(0, colon);
  const auto value = ascii::trim(line.substr(colon + 1));
  if (ascii::same_word(name, "transfer-encoding")) in_pieces_ = ascii::same_word(value, "chunked");
  if (!ascii::same_word(name, "content-length")) return true;
  const auto length = ascii::to_number(value);
  left_ = length.value_or(0);
  return length.has_value();
}

void HttpReplyReader::feed_length(std::string_view& octets) {
  const auto piece = octets.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, octets.size())));
  take_(piece);
  left_ -= piece.size();
  octets.remove_prefix(piece.size());
  if (left_ == 0) state_ = State::done;
}

void HttpReplyReader::feed_pieces(std::string_view& octets) {
  if (part_ == Part::data) {
    const auto piece = octets.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, octets.size())));
    take_(piece);
    left_ -= piece.size();
    octets.remove_prefix(piece.size());
    if (left_ == 0) part_ = Part::data_end;
    return;
  }
  if (!take_line(octets)) return;
  if (part_ == Part::size) {
    read_size();
  } else if (part_ == Part::data_end) {
    part_ = Part::size;
  } else if (line_.empty()) {
    state_ = State::done;
  }
  line_.clear();
}

bool HttpReplyReader::take_line(std::string_view& octets) {
  const auto end = octets.find('\n');
  line_ += octets.substr(0, end);
  octets.remove_prefix(end == std::string_view::npos ? octets.size() : end + 1);
  if (line_.size() > longest_line) state_ = State::broken;
  if (end == std::string_view::npos || state_ == State::broken) return false;
  if (line_.ends_with('\r')) line_.pop_back();
  return true;
}

void HttpReplyReader::read_size() {
  const auto* const end = line_.data() + line_.size();
  const auto [at, fault] = std::from_chars(line_.data(), end, left_, 16);
  if (fault != std::errc{} || at != end) {
    state_ = State::broken;
    return;
  }
  part_ = left_ == 0 ? Part::trailer : Part::data;
}

}  // namespace posthorn::service
