#include "store/handover.hpp"

#include "mail/trace_field.hpp"
#include "store/mailbox_drop.hpp"

#include <fmt/core.h>

#include <array>
#include <utility>

namespace posthorn::store {

Result<std::unique_ptr<Mailbox>> HandOverFormat::open(const mail::Domain& domain) {
  const std::array<std::string_view, 2> steps{hand_over_folder, domain.text()};
  static constexpr std::array<std::string_view, 1> names{hand_over_errors};
  auto set = folders_.open(steps, folders_.settings().account, names);
  if (!set) return failure(std::move(set).error());
  const FileDrop::Places places{*set->base, ".", *set->base, *set->folders[0]};
  return std::make_unique<FileDrop>(std::move(*set), places, PendingRights{folders_.settings().file_mode, {}});
}

std::string letter_head(const std::optional<mail::Address>& sender, std::span<const mail::Address> recipients) {
  auto head = mail::return_path_field(sender);
  for (const auto& recipient : recipients) head += fmt::format("X-Envelope-To: {}\r\n", recipient.to_string());
  return head;
}

}  // namespace posthorn::store
