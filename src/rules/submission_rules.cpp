#include "rules/submission_rules.hpp"

#include "base/clean_text.hpp"
#include "base/planted_fault.hpp"
#include "mail/address_list.hpp"
#include "mail/date.hpp"
#include "rules/sender_rules.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::rules {
namespace {

smtp::Reply refusal(std::string_view why) { return {550, {5, 7, 1}, ReplyText{why}}; }

}  // namespace

std::optional<smtp::Reply> author_refusal(SenderCheck check, const mail::UserName& user,
                                          const mail::SubmissionHeader& header, const mail::MessageFacts& facts,
                                          const Directory& directory) {
  if (planted(PlantedFault::submission_foreign_author_accepted)) return std::nullopt;
  // RFC 5322 §3.6: From stands once.
  if (facts.from_fields > 1 || header.from_fields() > 1) return refusal("The message has several From fields");
  if (facts.from_fields == 0) return std::nullopt;
  const bool is_whole = header.from_fields() == 1 && !header.is_from_too_long();
  const auto authors = is_whole ? mail::parse_address_list(header.from()) : mail::AddressList{.well_formed = false};
  if (!authors.well_formed) return refusal("The From field is not one that everybody reads alike");
  if (check != SenderCheck::off && authors.mailboxes.empty()) return refusal("The From field names no address");
  const bool all_allowed = std::ranges::all_of(authors.mailboxes, [&](const mail::ListedMailbox& author) {
    return !sender_refusal(check, user, author.address, directory);
  });
  return all_allowed ? std::nullopt : std::optional{refusal("The From field names an address that is not yours")};
}

std::string missing_fields(const mail::MessageFacts& facts, WallTime now, MessageId id, std::string_view hostname) {
  std::string fields;
  // RFC 6409 §8.2, §8.3
  if (facts.date_fields == 0) fields += "Date: " + mail::to_date_time(now) + "\r\n";
  if (facts.message_id_fields == 0) fields += "Message-ID: <" + id.to_string() + "@" + std::string(hostname) + ">\r\n";
  return fields;
}

std::optional<mail::UserName> user_of_login(std::string_view login, const Directory& directory) {
  auto name = mail::UserName::parse(login);
  if (!name) return std::nullopt;
  if (directory.has_user(*name)) return std::move(*name);
  const bool is_ours = !name->domain().empty() && directory.is_local_domain(name->domain());
  if (!is_ours) return std::move(*name);
  auto bare = mail::UserName::parse(name->local_part());
  return bare ? std::optional{std::move(*bare)} : std::nullopt;
}

}  // namespace posthorn::rules
