#include "config/document.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "base/scanner.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace posthorn::config {
namespace {

constexpr unsigned most_parts_of_a_key = 16;

/// toml++ descends once for each part of a dotted key and has no bound of its own. This looks for one that is too long,
/// without a string or comment being taken for a key; text it misreads is no TOML and refused by the parser.
class DottedKeyGuard {
 public:
  explicit DottedKeyGuard(std::string_view text) : scanner_(text) {}

  /// The place of the first key that has too many parts, if there is one.
  std::optional<Place> find() {
    while (!scanner_.at_end()) {
      if (skip_string() || skip_comment()) continue;
      const auto c = scanner_.peek();
      scanner_.take(c);
      if (c == '\n') start_line();
      if (c == '.' && ++dots_ >= most_parts_of_a_key) return place();
      if (!belongs_to_key(c)) dots_ = 0;
    }
    return std::nullopt;
  }

 private:
  static bool belongs_to_key(char c) {
    return ascii::is_letter_or_digit(c) || ascii::is_blank(c) || c == '.' || c == '_' || c == '-';
  }

  bool skip_comment() {
    if (scanner_.peek() != '#') return false;
    scanner_.take_while([](char c) { return c != '\n'; });
    return true;
  }

  bool skip_string() {
    const auto quote = scanner_.peek();
    if (quote != '"' && quote != '\'') return false;
    const std::string triple(3, quote);
    if (scanner_.take_word(triple)) {
      skip_until(triple, quote == '"');
    } else {
      scanner_.take(quote);
      skip_until(std::string(1, quote), quote == '"');
    }
    return true;
  }

  /// A string of one line ends with the line at the latest.
  void skip_until(std::string_view end, bool has_escapes) {
    while (!scanner_.at_end() && !scanner_.take_word(end)) {
      const auto c = scanner_.peek();
      if (c == '\n' && end.size() == 1) return;
      scanner_.take_some(has_escapes && c == '\\' ? 2 : 1);
      if (c == '\n') start_line();
    }
  }

  void start_line() {
    ++line_;
    line_start_ = scanner_.position();
  }

  [[nodiscard]] Place place() const {
    return {.line = line_, .column = static_cast<unsigned>(scanner_.position() - line_start_)};
  }

  Scanner scanner_;
  unsigned line_ = 1;
  std::size_t line_start_ = 0;
  unsigned dots_ = 0;
};

Place place_of(const toml::source_region& region) {
  return {.line = static_cast<unsigned>(region.begin.line), .column = static_cast<unsigned>(region.begin.column)};
}

Value value_of(const toml::node& node);

Table table_of(const toml::table& nodes) {
  Table table;
  table.reserve(nodes.size());
  for (const auto& [key, node] : nodes) {
    table.push_back({std::string(key.str()), place_of(key.source()), value_of(node)});
  }
  std::ranges::sort(table, {}, [](const Entry& entry) { return std::tie(entry.place, entry.key); });
  return table;
}

Array array_of(const toml::array& nodes) {
  Array array;
  array.reserve(nodes.size());
  for (const auto& node : nodes) array.push_back(value_of(node));
  return array;
}

Value value_of(const toml::node& node) {
  const auto place = place_of(node.source());
  switch (node.type()) {
    case toml::node_type::table:
      return {place, table_of(*node.as_table())};
    case toml::node_type::array:
      return {place, array_of(*node.as_array())};
    case toml::node_type::string:
      return {place, node.as_string()->get()};
    case toml::node_type::integer:
      return {place, node.as_integer()->get()};
    case toml::node_type::boolean:
      return {place, node.as_boolean()->get()};
    case toml::node_type::floating_point:
      return {place, OtherValue{"a number with a fraction"}};
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return {place, OtherValue{"a date or time"}};
    case toml::node_type::none:
      break;
  }
  return {place, OtherValue{"nothing"}};
}

struct NameOfType {
  std::string_view operator()(const std::string& /*text*/) const { return "a text"; }
  std::string_view operator()(std::int64_t /*number*/) const { return "a whole number"; }
  std::string_view operator()(bool /*claim*/) const { return "true or false"; }
  std::string_view operator()(const Array& /*array*/) const { return "a list"; }
  std::string_view operator()(const Table& /*table*/) const { return "a table"; }
  std::string_view operator()(const OtherValue& other) const { return other.name; }
};

}  // namespace

std::expected<Value, Fault> parse_document(std::string_view text) {
  if (text.size() > max_document_octets) return std::unexpected(Fault{{}, {}, "is larger than 1 MiB"});
  if (const auto place = DottedKeyGuard(text).find()) {
    return std::unexpected(Fault{*place, {}, "a key has more than 16 parts"});
  }
  try {
    return value_of(toml::parse(text));
  } catch (const toml::parse_error& fault) {
    return std::unexpected(Fault{place_of(fault.source()), {}, LogText(fault.description()).text()});
  }
}

std::string_view name_of_type(const Value& value) { return std::visit(NameOfType{}, value.content); }

}  // namespace posthorn::config
