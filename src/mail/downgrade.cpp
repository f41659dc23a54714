#include "mail/downgrade.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/utf8.hpp"
#include "mail/header_field.hpp"
#include "mail/line_ends.hpp"
#include "mail/transfer_encoding.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::mail {
namespace {

constexpr std::string_view crlf = "\r\n";
constexpr std::size_t longest_held_line = 64U << 10;
constexpr std::size_t base64_line = 57;  // octets that fill a line of 76 columns

/// RFC 2046 §5.1.1: the line is the delimiter, or, `closing`, the last one.
struct Delimiter {
  bool found = false;
  bool closing = false;
};

Delimiter delimiter_in(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return {};
  line.remove_prefix(2 + boundary.size());
  const bool closing = line.starts_with("--");
  if (closing) line.remove_prefix(2);
  return {.found = std::ranges::all_of(line, ascii::is_blank), .closing = closing};
}

bool is_text(const ContentType& type) { return type.type == "text"; }

}  // namespace

void Downgrade::feed(std::string_view octets, std::string& out) {
  if (parts_ == 0) begin_part(true, false);
  line_ += octets;
  std::size_t start = 0;
  for (auto end = line_.find(crlf); end != std::string::npos; end = line_.find(crlf, start)) {
    take_line(std::string_view(line_).substr(start, end - start), Then::crlf, out);
    start = end + crlf.size();
  }
  line_.erase(0, start);
  if (line_.size() <= longest_held_line) return;
  // The last octet may be the CR of a line end.
  const auto last = line_.back();
  line_.pop_back();
  take_line(line_, Then::more_of_it, out);
  line_.assign(1, last);
}

void Downgrade::finish(std::string& out) {
  if (parts_ == 0) begin_part(true, false);
  if (!line_.empty()) take_line(line_, Then::nothing, out);
  if (place_ == Place::header) end_header({}, out);
  if (place_ != Place::leaf) return;
  const bool is_of_delimiter = is_in_multipart();
  const bool held = std::exchange(holds_crlf_, false);
  if (held && !is_of_delimiter) encode(crlf, out);
  end_leaf(out);
  if (held && is_of_delimiter && !is_survey_) out += crlf;
}

void Downgrade::take_line(std::string_view line, Then then, std::string& out) {
  const bool starts = !in_long_line_;
  in_long_line_ = then == Then::more_of_it;
  line_octets_ = (starts ? 0 : line_octets_) + line.size();
  if (starts && take_delimiter(line, out)) {
    if (then == Then::crlf && !is_survey_) out += crlf;
    return;
  }
  switch (place_) {
    case Place::header:
      if (starts && then == Then::crlf && line.empty()) return end_header(crlf, out);
      return take_header_line(line, then);
    case Place::outside:
      return take_outside(line, then, out);
    case Place::leaf:
      return take_body(line, then, out);
  }
}

void Downgrade::take_header_line(std::string_view line, Then then) {
  if (header_.size() + line.size() > settings_.header_octets) {
    limit_fault_ = "a part has too long a header";
    return;
  }
  header_ += line;
  if (then == Then::crlf) header_ += crlf;
}

void Downgrade::take_outside(std::string_view line, Then then, std::string& out) {
  if (is_survey_) {
    if (utf8::is_ascii(line)) return;
    faults_[open_.back().number] = "there is 8-bit text outside the parts";
    return note_need();
  }
  out += line;
  if (then == Then::crlf) out += crlf;
}

/// RFC 2046 §5.1.2: the delimiter of an outer part ends the inner ones too.
bool Downgrade::take_delimiter(std::string_view line, std::string& out) {
  if (!line.starts_with("--")) return false;
  for (std::size_t depth = 0; depth < open_.size(); ++depth) {
    auto& multipart = open_[depth];
    if (!multipart.is_open) continue;
    const auto delimiter = delimiter_in(line, multipart.boundary);
    if (!delimiter.found) continue;
    if (place_ == Place::header) end_header({}, out);
    if (place_ == Place::leaf) end_leaf(out);
    if (std::exchange(holds_crlf_, false) && !is_survey_) out += crlf;
    open_.resize(depth + 1);
    if (!is_survey_) out += line;
    open_[depth].is_open = !delimiter.closing;
    open_[depth].has_part = !delimiter.closing;
    place_ = Place::outside;
    if (!delimiter.closing) begin_part(false, open_[depth].type.subtype == "digest");
    return true;
  }
  return false;
}

void Downgrade::begin_part(bool is_message, bool in_digest) {
  if (parts_ >= settings_.parts) {
    limit_fault_ = "it has too many parts";
    return;
  }
  open_.push_back({.number = parts_++, .is_message = is_message, .in_digest = in_digest});
  if (is_survey_) {
    plan_.push_back(false);
    faults_.emplace_back();
  }
  place_ = Place::header;
  header_.clear();
}

// Headers.

void Downgrade::end_header(std::string_view empty_line, std::string& out) {
  auto& part = open_.back();
  read_header(part);
  if (is_survey_) {
    judge(part);
    faults_[part.number] = part.fault;
    if (!utf8::is_ascii(header_)) note_need();
  } else if (encodes(part)) {
    write_header(part, out);
  } else {
    out += header_;
    out += empty_line;
  }
  header_.clear();
  enter_body();
}

/// What a part is where it does not say: RFC 2046 §5.1.5, in a digest it is a message.
void Downgrade::read_header(Part& part) {
  part.type = part.in_digest ? ContentType{.type = "message", .subtype = "rfc822", .parameters = {}}
                             : ContentType{.type = "text", .subtype = "plain", .parameters = {}};
  unsigned encodings = 0;
  unsigned types = 0;
  HeaderReader reader(header_);
  while (const auto field = reader.next()) {
    if (field->is("MIME-Version")) part.has_mime_version = true;
    if (field->is("Content-Transfer-Encoding")) {
      part.encoding = ascii::lower(unfolded(field->value));
      ++encodings;
    }
    if (!field->is("Content-Type")) continue;
    ++types;
    part.has_type = true;
    auto type = parse_content_type(field->value);
    if (!type) part.fault = "a Content-Type field cannot be read";
    if (type) part.type = *std::move(type);
  }
  if (types > 1 || encodings > 1) part.fault = "a part describes itself twice";
}

/// Why this part could not be encoded, if it had to be.
void Downgrade::judge(Part& part) {
  const auto& type = part.type;
  const bool has_parts = type.type == "multipart" || type.is("message", "rfc822");
  const bool is_plain = part.encoding == "7bit" || part.encoding == "8bit" || part.encoding == "binary";
  const auto* const boundary = type.parameter("boundary");
  if (!utf8::is_ascii(header_)) {
    part.fault = "the header holds 8-bit characters";
  } else if (open_.size() > settings_.depth + 1) {
    part.fault = "parts are nested too deeply";
  } else if (type.is("multipart", "signed")) {
    part.fault = "a signed part may not be changed";  // RFC 1847 §2.1
  } else if (type.type == "multipart" && (boundary == nullptr || boundary->empty())) {
    part.fault = "a multipart has no boundary";
  } else if (type.type == "message" && !has_parts) {
    part.fault = "a part of type message may not be encoded";
  } else if (!has_parts && !is_plain) {
    part.fault = "a part is not encoded as it says";
  }
}

/// The header with another encoding, and the empty line. RFC 6152 §3: what is not MIME becomes MIME; what says no charset
/// gets the name of the unknown one (RFC 1428 §3).
void Downgrade::write_header(const Part& part, std::string& out) const {
  HeaderReader reader(header_);
  while (const auto field = reader.next()) {
    if (!field->is("Content-Transfer-Encoding")) out += field->raw;
  }
  if (!header_.empty() && !header_.ends_with('\n')) out += crlf;
  if (part.is_message && !part.has_mime_version) out += "MIME-Version: 1.0\r\n";
  if (!part.has_type && !part.in_digest) out += "Content-Type: text/plain; charset=unknown-8bit\r\n";
  const bool has_parts = part.type.type == "multipart" || part.type.is("message", "rfc822");
  out += "Content-Transfer-Encoding: ";
  out += has_parts ? "7bit" : is_text(part.type) ? "quoted-printable" : "base64";
  out += "\r\n\r\n";
}

void Downgrade::enter_body() {
  auto& part = open_.back();
  const auto* const boundary = part.type.parameter("boundary");
  place_ = Place::leaf;
  // What is nested deeper than can be encoded is one body.
  if (open_.size() > settings_.depth + 1 || parts_ >= settings_.parts) return;
  if (part.type.type == "multipart" && boundary != nullptr && !boundary->empty()) {
    part.boundary = *boundary;
    part.is_open = true;
    place_ = Place::outside;
  } else if (part.type.is("message", "rfc822")) {
    begin_part(true, false);
  }
}

// Bodies.

void Downgrade::take_body(std::string_view text, Then then, std::string& out) {
  if (is_survey_) {
    if (!utf8::is_ascii(text) || line_octets_ > max_line_octets) note_need();
    return;
  }
  const auto& part = open_.back();
  if (std::exchange(holds_crlf_, false)) encode(crlf, out);
  if (!encodes(part)) {
    out += text;
  } else if (!is_text(part.type)) {
    encode(text, out);
  } else if (then == Then::more_of_it) {
    append_quoted_piece(out, text);
  } else {
    out += encode_quoted_printable(text);
  }
  holds_crlf_ = then == Then::crlf;
}

/// Octets of a body that is not quoted-printable, and line ends of all.
void Downgrade::encode(std::string_view octets, std::string& out) {
  const auto& part = open_.back();
  if (is_survey_) return;
  if (!encodes(part) || is_text(part.type)) {
    out += octets;
    return;
  }
  unencoded_ += octets;
  const auto whole = unencoded_.size() - unencoded_.size() % base64_line;
  out += encode_base64_lines(std::string_view(unencoded_).substr(0, whole));
  unencoded_.erase(0, whole);
}

void Downgrade::end_leaf(std::string& out) {
  if (is_survey_) return;
  out += encode_base64_lines(unencoded_);
  unencoded_.clear();
}

/// The innermost part cannot stay as it is, and so none that holds it.
void Downgrade::note_need() {
  if (!is_survey_) return;
  for (const auto& part : open_) plan_[part.number] = true;
}

bool Downgrade::encodes(const Part& part) const { return part.number < plan_.size() && plan_[part.number]; }

bool Downgrade::is_in_multipart() const { return std::ranges::any_of(open_, &Part::has_part); }

Result<DowngradePlan> Downgrade::plan() const {
  ensure(is_survey_, "the first pass makes the plan");
  const bool any = std::ranges::find(plan_, true) != plan_.end();
  if (any && !limit_fault_.empty()) return failure(Error::Kind::unsupported, limit_fault_);
  for (std::size_t part = 0; part < plan_.size(); ++part) {
    if (plan_[part] && !faults_[part].empty()) return failure(Error::Kind::unsupported, faults_[part]);
  }
  return plan_;
}

Result<std::string> downgrade_to_7bit(std::string_view message, const DowngradeSettings& settings) {
  std::string out;
  Downgrade survey(settings);
  survey.feed(message, out);
  survey.finish(out);
  auto plan = survey.plan();
  if (!plan) return failure(std::move(plan).error());
  Downgrade conversion(settings, *std::move(plan));
  conversion.feed(message, out);
  conversion.finish(out);
  return out;
}

}  // namespace posthorn::mail
