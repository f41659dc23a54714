#include "store/aliases.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "mail/address.hpp"
#include "mail/user_name.hpp"
#include "store/alias_lexer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace posthorn::store {
namespace {

constexpr std::string_view include_word = ":include:";
constexpr std::size_t shown_octets = 80;

std::string quoted(std::string_view text) { return "\"" + LogText(text, shown_octets).text() + "\""; }

/// A local part as it may stand in an address, quoted or not; canonical.
Result<std::string> read_local_part(std::string_view text) {
  auto address = mail::Address::parse(std::string(text) + "@localhost");
  if (!address) return failure(std::move(address.error()));
  return mail::canonical_local_part(address->local_part());
}

Result<std::string> read_key(std::string_view text) {
  if (text.starts_with('@')) {
    auto domain = mail::Domain::parse(text.substr(1));
    return domain ? Result<std::string>("@" + domain->text()) : failure(std::move(domain.error()));
  }
  if (find_unquoted(text, '@') == std::string_view::npos) return read_local_part(text);
  auto address = mail::Address::parse(text);
  if (!address) return failure(std::move(address.error()));
  if (address->local_part().contains('@')) return failure(Error::Kind::invalid, "an alias with \"@\" in its name");
  return fmt::format("{}@{}", mail::canonical_local_part(address->local_part()), address->domain());
}

/// `Name <address>` is the address.
std::string_view without_display_name(std::string_view text) {
  const auto open = find_unquoted(text, '<');
  if (open == std::string_view::npos || !text.ends_with('>')) return text;
  return ascii::trim(text.substr(open + 1, text.size() - open - 2));
}

/// Where the expression of a line that begins with "/" ends: at the next "/" that no backslash stands before.
std::size_t end_of_expression(std::string_view line) {
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (line[at] == '/') return at;
    if (line[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

Result<rules::AliasTarget> read_target(std::string_view text) {
  if (text.starts_with('|')) {
    return failure(Error::Kind::invalid, "starts a program, which mail never does here; deliver by LMTP instead");
  }
  if (text.starts_with('/')) {
    return failure(Error::Kind::invalid, "is a file; mail is written into the mailboxes of users only");
  }
  if (text.starts_with(':')) return failure(Error::Kind::invalid, "is no word that is known; write :include:/path");
  if (find_unquoted(text, '@') != std::string_view::npos) {
    auto address = mail::Address::parse(text);
    if (!address) return failure(std::move(address.error()).context("is no address"));
    return rules::AliasTarget{std::move(*address)};
  }
  const bool skips_aliases = text.starts_with('\\');
  auto name = read_local_part(text.substr(skips_aliases ? 1 : 0));
  if (!name) return failure(std::move(name.error()).context("is no name"));
  return rules::AliasTarget{rules::LocalTarget{std::move(*name), skips_aliases}};
}

class AliasParser {
 public:
  AliasParser(const IncludeReader& read_include, const AliasLimits& limits)
      : read_include_(read_include), limits_(limits) {}

  AliasList run(std::string_view text, const std::string& file) {
    for (const auto& line : logical_lines_of(text)) read_line(line, {file, line.line});
    return std::move(list_);
  }

 private:
  struct Spot {
    const std::string& file;
    unsigned line;
  };

  void fault(const Spot& spot, std::string text) { list_.faults.push_back({spot.file, spot.line, std::move(text)}); }

  void read_line(const LogicalLine& line, const Spot& spot) {
    if (line.text.starts_with('/')) return read_pattern(line.text, spot);
    const auto colon = find_unquoted(line.text, ':');
    if (colon == std::string_view::npos) return fault(spot, "is not NAME: TARGET, …");
    const auto left = ascii::trim(std::string_view(line.text).substr(0, colon));
    auto key = read_key(left);
    if (!key) return fault(spot, quoted(left) + " is no name for an alias: " + key.error().text);
    const auto [place, is_new] = list_.aliases.try_emplace(std::move(*key));
    if (!is_new) {
      return fault(spot,
                   fmt::format("{} stands in line {} already; this one is ignored", quoted(left), place->second.line));
    }
    place->second.line = spot.line;
    read_targets(std::string_view(line.text).substr(colon + 1), spot, place->second);
    if (place->second.targets.empty()) fault(spot, quoted(left) + " leads nowhere; its mail is put off");
  }

  /// `/expression/: targets`
  void read_pattern(std::string_view line, const Spot& spot) {
    const auto end = end_of_expression(line);
    const auto rest = end == std::string_view::npos ? std::string_view{} : ascii::trim(line.substr(end + 1));
    if (!rest.starts_with(':')) return fault(spot, "is not /EXPRESSION/: TARGET, …");
    if (list_.patterns.size() >= limits_.patterns) {
      return fault(spot, fmt::format("more than {} regular expressions; the rest is ignored", limits_.patterns));
    }
    rules::Alias alias{.targets = {}, .line = spot.line};
    read_targets(rest.substr(1), spot, alias);
    auto pattern = rules::AliasPattern::make(line.substr(1, end - 1), std::move(alias));
    if (!pattern)
      return fault(spot, quoted(line.substr(0, end + 1)) + " is no regular expression: " + pattern.error().text);
    list_.patterns.push_back(std::move(*pattern));
  }

  void read_targets(std::string_view text, const Spot& spot, rules::Alias& into) {
    for (const auto piece : pieces_of(text)) {
      const auto target = without_display_name(piece);
      const auto meaning = unquoted(target);
      if (ascii::starts_with_word(meaning, include_word)) {
        include(meaning.substr(include_word.size()), spot, into);
      } else {
        // A quoted whole is only of use to what is not an address: "|program", "/file".
        add_target(meaning.starts_with('|') || meaning.starts_with('/') ? meaning : target, spot, into);
      }
    }
  }

  void add_target(std::string_view text, const Spot& spot, rules::Alias& into) {
    auto target = read_target(text);
    if (!target) return fault(spot, quoted(text) + " " + target.error().text);
    if (++targets_ <= limits_.targets) return into.targets.push_back(std::move(*target));
    if (targets_ == limits_.targets + 1)
      fault(spot, fmt::format("more than {} targets; the rest is ignored", limits_.targets));
  }

  void include(const std::string& path, const Spot& spot, rules::Alias& into) {
    if (!path.starts_with('/')) return fault(spot, quoted(path) + " is no whole path; write :include:/path");
    if (std::ranges::find(open_, path) != open_.end()) return fault(spot, quoted(path) + " includes itself");
    if (open_.size() >= limits_.include_depth)
      return fault(spot, quoted(path) + " is included by too many files in turn");
    if (++includes_ > limits_.includes) return fault(spot, quoted(path) + " is one file too many to include");
    const auto text = read_include_(path);
    if (!text) return fault(spot, quoted(path) + " cannot be read: " + LogText(text.error().text).text());
    open_.push_back(path);
    for (const auto& line : logical_lines_of(*text)) read_targets(line.text, {path, line.line}, into);
    open_.pop_back();
  }

  const IncludeReader& read_include_;
  const AliasLimits& limits_;
  AliasList list_;
  std::vector<std::string> open_;  // files being included, outermost first
  std::size_t targets_ = 0;
  std::size_t includes_ = 0;
};

}  // namespace

Result<rules::AliasTarget> parse_alias_target(std::string_view text) {
  const auto target = without_display_name(text);
  const auto meaning = unquoted(target);
  return read_target(meaning.starts_with('|') || meaning.starts_with('/') ? std::string_view(meaning) : target);
}

AliasList parse_aliases(std::string_view text, const std::string& file, const IncludeReader& read_include,
                        const AliasLimits& limits) {
  return AliasParser(read_include, limits).run(text, file);
}

}  // namespace posthorn::store
