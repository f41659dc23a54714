#include "service/http_request.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"

#include <algorithm>
#include <array>

namespace posthorn::service {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

// RFC 9110 §5.6.2: token.
bool is_token_character(char c) {
  return ascii::is_letter_or_digit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_character); }

// RFC 9110 §5.5: field-value.
bool is_field_character(char c) { return c == '\t' || !ascii::is_control(c); }

std::optional<unsigned> hex_digit(char c) {
  if (ascii::is_digit(c)) return static_cast<unsigned>(c - '0');
  const char lower = ascii::to_lower(c);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a' + 10);
  return std::nullopt;
}

/// Percent signs undone, once. None: malformed, or a control character.
std::optional<std::string> decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '%') {
      const auto high = at + 2 < text.size() ? hex_digit(text[at + 1]) : std::nullopt;
      const auto low = high ? hex_digit(text[at + 2]) : std::nullopt;
      if (!low) return std::nullopt;
      c = static_cast<char>(*high * 16 + *low);
      at += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (ascii::is_control(c)) return std::nullopt;
    out += c;
  }
  return out;
}

std::pair<std::string_view, std::string_view> split(std::string_view text, char at) {
  const auto found = text.find(at);
  if (found == std::string_view::npos) return {text, {}};
  return {text.substr(0, found), text.substr(found + 1)};
}

}  // namespace

std::optional<std::string_view> HttpRequest::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? std::nullopt : std::optional<std::string_view>{found->second};
}

std::optional<std::string> HttpRequest::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? std::nullopt : std::optional{found->second};
}

std::size_t HttpReader::feed(std::string_view octets) {
  std::size_t used = 0;
  if (state_ == State::head) used = feed_head(octets);
  if (state_ == State::body) used += feed_body(octets.substr(used));
  return used;
}

HttpRequest HttpReader::take() {
  ensure(state_ == State::done, "a request is taken when it is done");
  auto request = std::exchange(request_, {});
  *this = HttpReader(settings_);
  return request;
}

void HttpReader::refuse(unsigned status) {
  state_ = State::refused;
  status_ = status;
}

std::size_t HttpReader::feed_head(std::string_view octets) {
  // The end may stand across two pieces.
  const auto from = head_.size() - std::min(head_.size(), head_end.size() - 1);
  const auto before = head_.size();
  head_ += octets.substr(0, settings_.head_octets + 1 - std::min(settings_.head_octets, before));
  const auto end = head_.find(head_end, from);
  if (end == std::string::npos) {
    if (head_.size() > settings_.head_octets) refuse(head_.find("\r\n") == std::string::npos ? 414 : 431);
    return octets.size();
  }
  head_.resize(end + head_end.size());
  const auto used = head_.size() - before;
  read_head();
  return used;
}

void HttpReader::read_head() {
  std::string_view rest = head_;
  rest.remove_suffix(2);
  for (bool is_first = true; !rest.empty(); is_first = false) {
    const auto end = rest.find("\r\n");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    if (!(is_first ? read_request_line(line) : read_field(line))) {
      if (state_ != State::refused) refuse(400);
      return;
    }
  }
  if (!judge_fields()) return;
  state_ = body_left_ > 0 ? State::body : State::done;
}

// RFC 9112 §3: request-line = method SP request-target SP HTTP-version, with single blanks.
bool HttpReader::read_request_line(std::string_view line) {
  const auto [method, rest] = split(line, ' ');
  const auto [target, version] = split(rest, ' ');
  if (!is_token(method) || target.empty()) return false;
  const bool is_http_1 = version == "HTTP/1.1" || version == "HTTP/1.0";
  if (!is_http_1) {
    refuse(version.starts_with("HTTP/") ? 505 : 400);
    return false;
  }
  request_.method = method;
  request_.keeps_connection = version == "HTTP/1.1";
  return read_target(target);
}

bool HttpReader::read_target(std::string_view target) {
  if (target.front() != '/' || !std::ranges::all_of(target, ascii::is_printable)) return false;
  const auto [path, query] = split(target, '?');
  auto text = decoded(path, false);
  if (!text) return false;
  request_.path = std::move(*text);
  return read_query(query);
}

bool HttpReader::read_query(std::string_view query) {
  while (!query.empty()) {
    const auto [part, rest] = split(query, '&');
    const auto [name, value] = split(part, '=');
    auto name_text = decoded(name, true);
    auto value_text = decoded(value, true);
    if (!name_text || !value_text || request_.query.size() >= settings_.fields) return false;
    request_.query.emplace_back(std::move(*name_text), std::move(*value_text));
    query = rest;
  }
  return true;
}

// RFC 9112 §5.1: no blank between the name and the colon; §5.2: folded lines are refused.
bool HttpReader::read_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return false;
  const auto value = ascii::trim(line.substr(colon + 1));
  if (!std::ranges::all_of(value, is_field_character)) return false;
  if (request_.fields.size() >= settings_.fields) {
    refuse(431);
    return false;
  }
  request_.fields.emplace_back(ascii::lower(line.substr(0, colon)), value);
  return true;
}

bool HttpReader::judge_fields() {
  const auto count = [&](std::string_view name) {
    return std::ranges::count(request_.fields, name, &std::pair<std::string, std::string>::first);
  };
  // RFC 9112 §3.2: exactly one Host; §6.1, §6.3: what gives the length twice or in another way is refused.
  const auto hosts = count("host");
  if (hosts > 1 || (hosts == 0 && request_.keeps_connection) || count("content-length") > 1) {
    refuse(400);
  } else if (count("transfer-encoding") > 0) {
    refuse(501);
  }
  if (state_ == State::refused) return false;
  const auto connection = request_.field("connection").value_or("");
  if (ascii::same_word(connection, "close")) request_.keeps_connection = false;
  const auto length = request_.field("content-length");
  if (!length) return true;
  const auto octets = ascii::to_number(*length);
  if (!octets) refuse(400);
  if (octets && *octets > settings_.body_octets) refuse(413);
  if (state_ == State::refused) return false;
  body_left_ = static_cast<std::size_t>(*octets);
  return true;
}

std::size_t HttpReader::feed_body(std::string_view octets) {
  const auto used = std::min(octets.size(), body_left_);
  request_.body += octets.substr(0, used);
  body_left_ -= used;
  if (body_left_ == 0) state_ = State::done;
  return used;
}

std::string_view http_reason(unsigned status) {
  struct Reason {
    unsigned status;
    std::string_view text;
  };
  static constexpr std::array reasons{
      Reason{200, "OK"},
      Reason{400, "Bad Request"},
      Reason{401, "Unauthorized"},
      Reason{403, "Forbidden"},
      Reason{404, "Not Found"},
      Reason{405, "Method Not Allowed"},
      Reason{408, "Request Timeout"},
      Reason{413, "Content Too Large"},
      Reason{414, "URI Too Long"},
      Reason{421, "Misdirected Request"},
      Reason{431, "Request Header Fields Too Large"},
      Reason{500, "Internal Server Error"},
      Reason{501, "Not Implemented"},
      Reason{503, "Service Unavailable"},
      Reason{505, "HTTP Version Not Supported"},
  };
  const auto* found = std::ranges::find(reasons, status, &Reason::status);
  return found == reasons.end() ? "Error" : found->text;
}

}  // namespace posthorn::service
