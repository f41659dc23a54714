// What our parsers read, for comparison with another implementation's (header_differential.py).
// Standard input: texts, each ended by NUL. Standard output: one line each, pieces separated by the unit separator.
//   header_facts lists     1 if by the grammar, then each mailbox's address, "?" where it has none
//   header_facts headers   1 if every line was a field, then each field's name
#include "mail/address_list.hpp"
#include "mail/header_field.hpp"

#include <fmt/core.h>

#include <iostream>
#include <string>
#include <string_view>

using namespace posthorn;

namespace {

constexpr std::string_view separator = "\x1f";

std::string list_facts(std::string_view text) {
  const auto list = mail::parse_address_list(text);
  std::string line = list.well_formed ? "1" : "0";
  for (const auto& mailbox : list.mailboxes) {
    line += separator;
    line += mailbox.address ? mailbox.address->to_string() : "?";
  }
  return line;
}

std::string header_facts(std::string_view text) {
  mail::HeaderReader reader(text);
  bool all_fields = true;
  std::string names;
  while (const auto field = reader.next()) {
    all_fields = all_fields && !field->name.empty();
    names += separator;
    names += field->name;
  }
  return (all_fields ? "1" : "0") + names;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  for (std::string text; std::getline(std::cin, text, '\0');) {
    fmt::print("{}\n", mode == "lists" ? list_facts(text) : header_facts(text));
  }
  return 0;
}
