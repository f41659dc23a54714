#include "store/mailbox_text.hpp"

#include "base/ascii.hpp"

namespace posthorn::store {
namespace {

constexpr std::string_view field_name = "return-path";
constexpr std::size_t longest_held = 1'000;  // with blanks before the colon (RFC 5322 §4.5)

}  // namespace

void ReturnPathFilter::feed(std::string_view bytes, std::string& out) {
  while (!bytes.empty() && place_ != Place::body) {
    octet(bytes.front(), out);
    bytes.remove_prefix(1);
  }
  out += bytes;
}

void ReturnPathFilter::finish(std::string& out) {
  out += held_;
  held_.clear();
}

void ReturnPathFilter::octet(char c, std::string& out) {
  switch (place_) {
    case Place::line_start:
      start_line(c, out);
      break;
    case Place::after_cr:
      if (c != '\n') return decide(false, out), octet(c, out);
      held_ += c;
      out += held_;
      held_.clear();
      place_ = Place::body;
      break;
    case Place::name:
      match_name(c, out);
      break;
    case Place::line:
      if (!dropping_) out += c;
      if (c == '\n') place_ = Place::line_start;
      break;
    case Place::body:
      out += c;
      break;
  }
}

void ReturnPathFilter::start_line(char c, std::string& out) {
  if (ascii::is_blank(c)) {  // a continuation shares the fate of its field
    place_ = Place::line;
    return octet(c, out);
  }
  dropping_ = false;
  if (c == '\n') {
    out += c;
    place_ = Place::body;
  } else if (c == '\r') {
    held_ += c;
    place_ = Place::after_cr;
  } else {
    match_name(c, out);
  }
}

void ReturnPathFilter::match_name(char c, std::string& out) {
  place_ = Place::name;
  const auto matched = held_.size();
  if (matched < field_name.size() ? ascii::to_lower(c) == field_name[matched]
                                  : ascii::is_blank(c) && matched < longest_held) {
    held_ += c;
    return;
  }
  decide(c == ':' && matched >= field_name.size(), out);
  octet(c, out);
}

void ReturnPathFilter::decide(bool dropped, std::string& out) {
  dropping_ = dropped;
  if (!dropped) out += held_;
  held_.clear();
  place_ = Place::line;
}

void LineEndConverter::feed(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;
  if (after_cr_ && bytes.front() != '\n') out += '\r';
  after_cr_ = false;
  while (!bytes.empty()) {
    const auto cr = bytes.find('\r');
    out += bytes.substr(0, cr);
    if (cr == std::string_view::npos) return;
    bytes.remove_prefix(cr + 1);
    if (bytes.empty()) {
      after_cr_ = true;
    } else if (bytes.front() != '\n') {
      out += '\r';
    }
  }
}

void LineEndConverter::finish(std::string& out) {
  if (after_cr_) out += '\r';
  after_cr_ = false;
}

void MailboxText::feed(std::string_view bytes, std::string& out) {
  if (filter_.header_ended()) return line_ends_.feed(bytes, out);
  passed_.clear();
  filter_.feed(bytes, passed_);
  line_ends_.feed(passed_, out);
}

void MailboxText::finish(std::string& out) {
  passed_.clear();
  filter_.finish(passed_);
  line_ends_.feed(passed_, out);
  line_ends_.finish(out);
}

}  // namespace posthorn::store
