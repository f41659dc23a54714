// The text of the letters that the model clients send, and what the models find again in what arrives somewhere: whole
// letters, and reports about letters. Independent of the server's own parsers.
#pragma once

#include "proof/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::proof {

/// The text of a letter: CRLF lines, dots not doubled. A flaw is in it.
[[nodiscard]] std::string text_of(const PlannedLetter& letter, const Plan& plan);
/// What of this text arrives: the server takes Bcc out of what its users write (RFC 6409 §8).
[[nodiscard]] std::string expected_text_of(const PlannedLetter& letter, std::string text);

/// The address under which a text that nobody sent would arrive, were its end misread (Flaw::smuggled_end).
[[nodiscard]] std::string smuggled_recipient();

struct ReportedFate {
  std::string recipient;
  std::string action;  ///< "failed", "delayed", "delivered", "relayed"
};

/// What stands in an arrived text.
struct ArrivedText {
  bool is_report = false;
  std::string report_id;    ///< Message-ID of a report
  std::uint32_t token = 0;  ///< of the letter, or of the one that the report is about; 0: none
  std::vector<ReportedFate> fates;
  std::string envelope_from;  ///< Return-Path, without brackets; files only
  std::string delivered_to;   ///< files only
};
[[nodiscard]] ArrivedText read_text(std::string_view text);

/// Where a text has arrived: line ends are CRLF on connections, LF in files.
enum class Arrived : std::uint8_t { at_server, in_mailbox };

/// None: the arrived text is `original` under nothing but trace fields, and the fields that a user's message lacked. Else
/// what is wrong.
[[nodiscard]] std::optional<std::string> alteration(std::string_view arrived, const PlannedLetter& letter,
                                                    std::string_view original, Arrived where);

}  // namespace posthorn::proof
