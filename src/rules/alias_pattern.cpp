#include "rules/alias_pattern.hpp"

#include "base/ascii.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace posthorn::rules {
namespace {

constexpr std::size_t groups = 10;  // $0, which is not offered, to $9
constexpr std::int64_t memory = 1 << 20;

using Groups = std::array<re2::StringPiece, groups>;

/// The text with $1 to $9 replaced.
std::string replaced(std::string_view text, const Groups& found) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_group = text[i] == '$' && i + 1 < text.size() && text[i + 1] >= '1' && text[i + 1] <= '9';
    if (!is_group) {
      out += text[i];
      continue;
    }
    const auto& group = found.at(static_cast<std::size_t>(text[++i] - '0'));
    out.append(group.data() == nullptr ? "" : group.data(), group.size());
  }
  return out;
}

std::optional<AliasTarget> replaced(const AliasTarget& target, const Groups& found) {
  const auto* local = std::get_if<LocalTarget>(&target);
  auto name = replaced(local != nullptr ? local->local_part : std::get<mail::Address>(target).local_part(), found);
  if (name.empty()) return std::nullopt;
  if (local != nullptr) return LocalTarget{std::move(name), local->skips_aliases};
  const auto domain = mail::Domain::parse(std::get<mail::Address>(target).domain());
  if (!domain) return std::nullopt;
  auto made = mail::Address::make(name, *domain);
  if (!made) return std::nullopt;
  return std::move(*made);
}

}  // namespace

Result<AliasPattern> AliasPattern::make(std::string_view expression, Alias alias) {
  if (expression.size() > longest) return failure(Error::Kind::invalid, "the expression is too long");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(false);
  options.set_max_mem(memory);
  auto made = std::make_shared<const re2::RE2>(re2::StringPiece(expression.data(), expression.size()), options);
  if (!made->ok()) return failure(Error::Kind::invalid, made->error());
  if (made->NumberOfCapturingGroups() >= static_cast<int>(groups)) {
    return failure(Error::Kind::invalid, "the expression has more than nine groups");
  }
  return AliasPattern(std::move(made), std::move(alias));
}

AliasPattern::AliasPattern(std::shared_ptr<const re2::RE2> expression, Alias alias)
    : expression_(std::move(expression)), alias_(std::move(alias)) {}

std::optional<std::vector<AliasTarget>> AliasPattern::targets_for(std::string_view address) const {
  Groups found;
  const int wanted = 1 + expression_->NumberOfCapturingGroups();
  const bool matches = expression_->Match(re2::StringPiece(address.data(), address.size()), 0, address.size(),
                                          re2::RE2::UNANCHORED, found.data(), wanted);
  if (!matches) return std::nullopt;
  std::vector<AliasTarget> targets;
  for (const auto& target : alias_.targets) {
    if (auto made = replaced(target, found)) targets.push_back(std::move(*made));
  }
  return targets;
}

}  // namespace posthorn::rules
