// Kinds that name something: texts, paths, domains, fingerprints.
#include "base/ascii.hpp"
#include "base/utf8.hpp"
#include "config/kinds.hpp"
#include "mail/domain.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace posthorn::config {
namespace {

constexpr std::size_t longest_file_name = 255;
constexpr std::size_t longest_interface_name = 15;  // IFNAMSIZ with its NUL

using Parsed = std::expected<std::string, std::string>;

std::string as_it_is(const std::string& text) { return text; }

Parsed parse_text(std::string_view text) { return std::string(text); }

Parsed parse_path(std::string_view text) {
  if (text.empty()) return std::unexpected("must not be empty");
  return std::string(text);
}

Parsed parse_file_name(std::string_view text) {
  if (text == "." || text == ".." || text.contains('/')) {
    return std::unexpected("must be the name of a file, without a folder");
  }
  if (text.size() > longest_file_name) return std::unexpected("is too long for the name of a file");
  return std::string(text);
}

Parsed parse_interface(std::string_view text) {
  const auto is_part = [](char c) { return ascii::is_printable(c) && c != ' ' && c != '/'; };
  if (text.size() <= longest_interface_name && std::ranges::all_of(text, is_part)) return std::string(text);
  return std::unexpected("is no name of a network interface");
}

Parsed parse_domain(std::string_view text) {
  const auto domain = mail::Domain::parse(text);
  if (!domain) return std::unexpected("is no domain name: " + domain.error().text);
  if (domain->is_literal()) return std::unexpected("must be a name, not an address");
  return domain->text();
}

Parsed parse_certificate_name(std::string_view text) {
  constexpr std::string_view any_label = "*.";
  if (!text.starts_with(any_label)) return parse_domain(text);
  auto domain = parse_domain(text.substr(any_label.size()));
  if (domain) domain->insert(0, any_label);
  return domain;
}

Parsed parse_domain_pattern(std::string_view text) {
  if (text == "*") return std::string(text);
  if (!text.starts_with('.')) return parse_domain(text);
  auto domain = parse_domain(text.substr(1));
  if (domain) domain->insert(0, 1, '.');
  return domain;
}

Parsed parse_fingerprint(std::string_view text) {
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ':'; });
  std::string octets;
  for (std::size_t i = 0; i + 2 <= digits.size(); i += 2) {
    unsigned char octet = 0;
    const auto* begin = digits.data() + i;
    if (std::from_chars(begin, begin + 2, octet, 16).ptr != begin + 2) break;
    octets += static_cast<char>(octet);
  }
  if (digits.size() == 64 && octets.size() == 32) return octets;
  return std::unexpected("must be the SHA-256 of a certificate: 64 hexadecimal digits");
}

std::string fingerprint_text(const std::string& octets) {
  std::string text;
  for (const char c : octets) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

}  // namespace

Kind<std::string> text() { return written_as_text<std::string>("a text", parse_text, as_it_is); }

Kind<std::string> path() { return written_as_text<std::string>("a path", parse_path, as_it_is); }

Kind<std::string> path_or_empty() { return written_as_text<std::string>("a path, or \"\"", parse_text, as_it_is); }

Kind<std::string> file_name_or_empty() {
  return written_as_text<std::string>("the name of a file, or \"\"", parse_file_name, as_it_is);
}

Kind<std::string> interface_name() {
  return written_as_text<std::string>("the name of a network interface, or \"\"", parse_interface, as_it_is);
}

Kind<std::string> domain_name() { return written_as_text<std::string>("a domain name", parse_domain, as_it_is); }

Kind<std::string> certificate_name() {
  return written_as_text<std::string>("a domain name or \"*.DOMAIN\"", parse_certificate_name, as_it_is);
}

Kind<std::string> domain_pattern() {
  return written_as_text<std::string>("a domain name, \".DOMAIN\" or \"*\"", parse_domain_pattern, as_it_is);
}

Kind<std::string> fingerprint() {
  return written_as_text<std::string>("the SHA-256 of a certificate", parse_fingerprint, fingerprint_text);
}

}  // namespace posthorn::config
