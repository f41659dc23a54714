// The third part of a delivery report: the message reported on, or its header, in whatever form can carry it (RFC 6522 §3,
// RFC 6533 §4). Used by delivery_report.
#pragma once

#include "mail/delivery_report.hpp"
#include "mail/mime_part.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace posthorn::mail {

struct WholeMessage {
  std::optional<MimePart> part;
  std::string why_not;  ///< it was asked for, and only the header can be returned; empty: `part`, or nobody asked
};

/// `utf8`: UTF-8 may stand in header fields of the report.
[[nodiscard]] WholeMessage whole_message(const DeliveryReport& report, const ReportSettings& settings, bool utf8);

/// As much of the message's header as fits into so many octets.
[[nodiscard]] MimePart returned_header(const DeliveryReport& report, bool utf8, std::size_t octets);

/// The Message-ID in the header of a message, with its angle brackets; empty: none that is fit to be repeated.
[[nodiscard]] std::string returned_message_id(std::string_view message);

}  // namespace posthorn::mail
