#include "mail/downgrade.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "mail/content_type.hpp"
#include "mail/header_field.hpp"
#include "mail/line_ends.hpp"
#include "mail/transfer_encoding.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace posthorn::mail {
namespace {

std::unexpected<Error> cannot(std::string_view why) { return failure(Error::Kind::unsupported, std::string(why)); }

bool is_7bit(std::string_view text) { return utf8::is_ascii(text) && !has_long_line(text); }

/// A message or a part of one, cut into what decides about it.
struct Entity {
  std::vector<HeaderField> fields;
  std::string_view header;  // without the empty line
  std::string_view body;
  std::optional<ContentType> type;
  std::string encoding;  // in lower case; "7bit" if none is given
  bool has_mime_version = false;
};

/// What a part is where it does not say (RFC 2046 §5.1.5: in a digest it is a message).
ContentType default_type(bool in_digest) {
  if (in_digest) return {.type = "message", .subtype = "rfc822", .parameters = {}};
  return {.type = "text", .subtype = "plain", .parameters = {}};
}

Result<Entity> entity_in(std::string_view text) {
  Entity entity{.fields = {}, .header = {}, .body = {}, .type = {}, .encoding = "7bit"};
  unsigned types = 0;
  unsigned encodings = 0;
  HeaderReader reader(text);
  std::size_t header_octets = 0;
  while (const auto field = reader.next()) {
    header_octets += field->raw.size();
    entity.fields.push_back(*field);
    if (field->is("MIME-Version")) entity.has_mime_version = true;
    if (field->is("Content-Type")) {
      ++types;
      entity.type = parse_content_type(field->value);
      if (!entity.type) return cannot("a Content-Type field cannot be read");
    }
    if (field->is("Content-Transfer-Encoding")) {
      ++encodings;
      entity.encoding = ascii::lower(unfolded(field->value));
    }
  }
  entity.header = text.substr(0, header_octets);
  entity.body = reader.body();
  if (types > 1 || encodings > 1) return cannot("a part describes itself twice");
  if (!utf8::is_ascii(entity.header)) return cannot("the header holds 8-bit characters");
  return entity;
}

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
  const bool blank = std::ranges::all_of(line, [](char c) { return ascii::is_blank(c) || c == '\r' || c == '\n'; });
  return {.found = blank, .closing = closing && blank};
}

class Downgrader {
 public:
  explicit Downgrader(const DowngradeSettings& settings) : settings_(settings) {}

  Result<std::string> convert(std::string_view message) {
    if (auto done = append_entity(message, {.is_message = true, .in_digest = false, .depth = 0}); !done) {
      return failure(std::move(done).error());
    }
    return std::move(out_);
  }

 private:
  struct Place {
    bool is_message;  // it has a header of its own with MIME-Version
    bool in_digest;
    unsigned depth;
  };

  Result<> append_entity(std::string_view text, Place place) {
    if (is_7bit(text)) {
      out_ += text;
      return {};
    }
    if (place.depth > settings_.depth) return cannot("parts are nested too deeply");
    const auto entity = entity_in(text);
    if (!entity) return failure(entity.error());
    const auto type = entity->type.value_or(default_type(place.in_digest));
    if (type.type == "multipart") return append_multipart(*entity, type, place);
    if (type.is("message", "rfc822")) {
      append_header(*entity, place, "7bit");
      return append_entity(entity->body, {.is_message = true, .in_digest = false, .depth = place.depth + 1});
    }
    if (type.type == "message") return cannot("a part of type message may not be encoded");
    return append_leaf(*entity, type, place);
  }

  Result<> append_leaf(const Entity& entity, const ContentType& type, Place place) {
    const auto& encoding = entity.encoding;
    if (encoding != "7bit" && encoding != "8bit" && encoding != "binary") {
      return cannot("a part is not encoded as it says");
    }
    const bool is_text = type.type == "text";
    append_header(entity, place, is_text ? "quoted-printable" : "base64");
    out_ += is_text ? encode_quoted_printable(entity.body) : encode_base64_lines(entity.body);
    return {};
  }

  Result<> append_multipart(const Entity& entity, const ContentType& type, Place place) {
    if (type.subtype == "signed") return cannot("a signed part may not be changed");  // RFC 1847 §2.1
    const auto* const boundary = type.parameter("boundary");
    if (boundary == nullptr || boundary->empty()) return cannot("a multipart has no boundary");
    append_header(entity, place, "7bit");
    const Place inside{.is_message = false, .in_digest = type.subtype == "digest", .depth = place.depth + 1};
    return append_parts(entity.body, *boundary, inside);
  }

  /// Preamble, parts and epilogue, with the delimiter lines between them as they are.
  Result<> append_parts(std::string_view body, std::string_view boundary, Place inside) {
    bool in_part = false;
    std::size_t start = 0;
    for (std::size_t line = 0; line < body.size();) {
      const auto line_end = std::min(body.find('\n', line), body.size() - 1) + 1;
      const auto delimiter = delimiter_in(body.substr(line, line_end - line), boundary);
      if (delimiter.found) {
        if (auto done = append_piece(body.substr(start, line - start), in_part, inside); !done) return done;
        out_ += body.substr(line, line_end - line);
        in_part = !delimiter.closing;
        start = line_end;
        if (delimiter.closing) break;
      }
      line = line_end;
    }
    return append_piece(body.substr(start), in_part, inside);
  }

  /// What stands between two delimiter lines. The CRLF before a delimiter is the delimiter's (RFC 2046 §5.1.1).
  Result<> append_piece(std::string_view piece, bool is_part, Place place) {
    if (!is_part) {
      if (!utf8::is_ascii(piece)) return cannot("there is 8-bit text outside the parts");
      out_ += piece;
      return {};
    }
    const bool has_line_end = piece.ends_with("\r\n");
    if (has_line_end) piece.remove_suffix(2);
    if (auto done = append_entity(piece, place); !done) return done;
    if (has_line_end) out_ += "\r\n";
    return {};
  }

  /// The header with another encoding, and the empty line. RFC 6152 §3: what is not MIME becomes MIME; what says no charset
  /// gets the name of the unknown one (RFC 1428 §3).
  void append_header(const Entity& entity, Place place, std::string_view encoding) {
    for (const auto& field : entity.fields) {
      if (!field.is("Content-Transfer-Encoding")) out_ += field.raw;
    }
    if (!entity.header.empty() && !entity.header.ends_with('\n')) out_ += "\r\n";
    if (place.is_message && !entity.has_mime_version) out_ += "MIME-Version: 1.0\r\n";
    if (!entity.type && !place.in_digest) out_ += "Content-Type: text/plain; charset=unknown-8bit\r\n";
    out_ += "Content-Transfer-Encoding: ";
    out_ += encoding;
    out_ += "\r\n\r\n";
  }

  const DowngradeSettings& settings_;
  std::string out_;
};

}  // namespace

Result<std::string> downgrade_to_7bit(std::string_view message, const DowngradeSettings& settings) {
  if (is_7bit(message)) return std::string(message);
  if (message.size() > settings.octets) return cannot("the message is too large to be converted");
  return Downgrader(settings).convert(message);
}

}  // namespace posthorn::mail
