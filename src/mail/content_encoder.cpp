#include "mail/content_encoder.hpp"

#include "base/ascii.hpp"
#include "base/assert.hpp"
#include "base/base64.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::mail {
namespace {

constexpr std::size_t line_octets = 76;  // RFC 2045 §6.7 rule 5, §6.8
constexpr std::size_t base64_input = line_octets / 4 * 3;

/// RFC 2045 §6.7 rules 1 to 3: which octets stand for themselves. A blank may not end a line.
bool stands_for_itself(char c, bool ends_line) {
  return (ascii::is_printable(c) && c != '=' && c != ' ') || (ascii::is_blank(c) && !ends_line);
}

std::array<char, 3> escaped(char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto octet = static_cast<unsigned char>(c);
  return {'=', digits[octet >> 4U], digits[octet & 0x0fU]};
}

}  // namespace

std::string_view name_of(TransferEncoding encoding) {
  switch (encoding) {
    case TransferEncoding::seven_bit:
      return "7bit";
    case TransferEncoding::eight_bit:
      return "8bit";
    case TransferEncoding::quoted_printable:
      return "quoted-printable";
    case TransferEncoding::base64:
      return "base64";
  }
  bug("an encoding has a name");
}

void ContentEncoder::write(std::string_view piece, std::string& out) {
  if (encoding_ == TransferEncoding::base64) return write_base64(piece, out);
  write_text(piece, out);
}

void ContentEncoder::write_text(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    if (std::exchange(after_cr_, false) && piece.front() == '\n') {
      piece.remove_prefix(1);
      continue;
    }
    const auto line_end = std::min(piece.find_first_of("\r\n"), piece.size());
    const auto part = piece.substr(0, line_end);
    if (!part.empty()) {
      in_line_ = true;
      encoding_ == TransferEncoding::quoted_printable ? write_quoted(part, out) : static_cast<void>(out.append(part));
    }
    if (line_end == piece.size()) return;
    after_cr_ = piece[line_end] == '\r';
    piece.remove_prefix(line_end + 1);
    end_line(out);
  }
}

void ContentEncoder::end_line(std::string& out) {
  if (!held_.empty()) put_quoted(std::exchange(held_, {}).front(), true, out);
  out += "\r\n";
  column_ = 0;
  in_line_ = false;
}

void ContentEncoder::write_quoted(std::string_view part, std::string& out) {
  // The last octet waits until it is known whether the line ends behind it.
  if (!held_.empty()) put_quoted(std::exchange(held_, {}).front(), false, out);
  held_ = part.back();
  part.remove_suffix(1);
  for (const char c : part) put_quoted(c, false, out);
}

void ContentEncoder::put_quoted(char c, bool ends_line, std::string& out) {
  const bool plain = stands_for_itself(c, ends_line);
  const std::size_t octets = plain ? 1 : 3;
  // RFC 2045 §6.7 rule 5: every line but the last keeps a place for the "=" of the soft break.
  if (column_ + octets > line_octets - (ends_line ? 0 : 1)) {
    out += "=\r\n";
    column_ = 0;
  }
  if (plain) {
    out += c;
  } else {
    const auto escape = escaped(c);
    out.append(escape.data(), escape.size());
  }
  column_ += octets;
}

void ContentEncoder::write_base64(std::string_view piece, std::string& out) {
  const auto put_line = [&out](std::string_view line) { out.append(base64::encode(line)).append("\r\n"); };
  if (!held_.empty()) {
    const auto missing = base64_input - held_.size();
    held_ += piece.substr(0, missing);
    piece.remove_prefix(std::min(missing, piece.size()));
    if (held_.size() < base64_input) return;
    put_line(std::exchange(held_, {}));
  }
  while (piece.size() >= base64_input) {
    put_line(piece.substr(0, base64_input));
    piece.remove_prefix(base64_input);
  }
  held_ = piece;
}

void ContentEncoder::finish(std::string& out) {
  if (encoding_ != TransferEncoding::base64) {
    if (in_line_) end_line(out);
  } else if (!held_.empty()) {
    out.append(base64::encode(std::exchange(held_, {}))).append("\r\n");
  }
}

}  // namespace posthorn::mail
