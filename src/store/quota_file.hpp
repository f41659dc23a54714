// The text of a quota file as Maildir++ has it, `maildirsize`: the first line says what the mailbox may hold ("1000000S":
// octets; ",100C": mails, which we do not limit), each further line is added up ("4096 1", "-4096 -1"). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posthorn::store {

/// What a mailbox holds.
struct MailboxUse {
  std::uint64_t octets = 0;
  std::uint64_t mails = 0;

  bool operator==(const MailboxUse&) const = default;
};

struct QuotaFileText {
  /// Past this the file is written anew (Maildir++).
  static constexpr std::size_t largest = 5120;  ///< octets

  std::uint64_t limit = 0;  ///< octets; 0: none is told
  MailboxUse use;           ///< a sum below zero counts as zero
  std::size_t entries = 0;  ///< lines that were added up
};

/// None: it is no such text, or one that did not come whole. A last line without its end is left out.
[[nodiscard]] std::optional<QuotaFileText> parse_quota_file(std::string_view text);

/// A file that holds the sum.
[[nodiscard]] std::string quota_file(std::uint64_t limit, const MailboxUse& use);
/// A line for mail that came.
[[nodiscard]] std::string quota_line(const MailboxUse& more);

/// The size that a Maildir reader wrote into the name of a file: 4096 of "…,S=4096,W=4100:2,S".
[[nodiscard]] std::optional<std::uint64_t> size_in_name(std::string_view name);

}  // namespace posthorn::store
