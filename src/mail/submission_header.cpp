#include "mail/submission_header.hpp"

#include "base/ascii.hpp"
#include "base/planted_fault.hpp"

namespace posthorn::mail {
namespace {

constexpr std::size_t kept_name_octets = 8;  // more than any name that is looked at
constexpr std::size_t most_blanks = 65'536;  // before a colon; a longer line is refused as a whole

/// RFC 5322 §2.2: ftext.
bool is_name_character(char c) { return c > ' ' && c < 0x7f && c != ':'; }

}  // namespace

std::string_view SubmissionHeader::feed(std::string_view octets) {
  if (place_ == Place::body) return octets;
  passed_.clear();
  std::size_t next = 0;
  while (next < octets.size() && place_ != Place::body) feed_header_octet(octets[next++]);
  passed_ += octets.substr(next);
  return passed_;
}

std::string_view SubmissionHeader::finish() {
  passed_.clear();
  if (place_ == Place::name || place_ == Place::blanks) release();
  return passed_;
}

void SubmissionHeader::feed_header_octet(char c) {
  switch (place_) {
    case Place::line_start:
      return start_line(c);
    case Place::name:
      if (c == ':' || !is_name_character(c)) {
        place_ = Place::blanks;
        return feed_header_octet(c);
      }
      if (name_.size() < kept_name_octets) name_ += c;
      held_ += c;
      // No name that is looked at is this long: the line may go.
      if (name_.size() == kept_name_octets) release();
      return;
    case Place::blanks:
      held_ += c;
      if (c == ':') return end_name();
      if (!ascii::is_blank(c) || ++held_blanks_ > most_blanks) release();
      break;
    case Place::line:
      pass(c);
      break;
    case Place::body:
      return;
  }
  if (c == '\n') place_ = Place::line_start;
}

void SubmissionHeader::start_line(char c) {
  if (ascii::is_blank(c) && any_line_) {  // RFC 5322 §2.2.3: it goes on with the field before
    place_ = Place::line;
    return pass(c);
  }
  field_ = Field::other;
  if (c == '\r' || c == '\n') {  // the empty line, which ends the header
    if (c == '\n') place_ = Place::body;
    return pass(c);
  }
  any_line_ = true;
  name_.clear();
  held_.clear();
  held_blanks_ = 0;
  place_ = is_name_character(c) ? Place::name : Place::line;
  if (place_ == Place::line) return pass(c);
  name_ += c;
  held_ += c;
}

void SubmissionHeader::end_name() {
  place_ = Place::line;
  if (ascii::same_word(name_, "bcc") && !planted(PlantedFault::submission_bcc_kept)) {
    field_ = Field::bcc;
    held_.clear();
    return;
  }
  if (ascii::same_word(name_, "from")) {
    field_ = Field::from;
    ++from_fields_;
  }
  passed_ += held_;
  held_.clear();
}

/// The line is no field that matters: all of it passes.
void SubmissionHeader::release() {
  place_ = Place::line;
  passed_ += held_;
  held_.clear();
}

void SubmissionHeader::pass(char c) {
  if (field_ == Field::bcc) return;
  passed_ += c;
  if (field_ != Field::from || from_fields_ != 1) return;
  if (from_.size() < most_from_octets) {
    from_ += c;
  } else {
    from_too_long_ = true;
  }
}

}  // namespace posthorn::mail
