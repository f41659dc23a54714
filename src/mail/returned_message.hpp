// The third part of a delivery report: the message reported on, or its header, in whatever form can carry it (RFC 6522 §3,
// RFC 6533 §4). Used by delivery_report.
#pragma once

#include "mail/delivery_report.hpp"
#include "mail/mime_part.hpp"

#include <string>
#include <string_view>

namespace posthorn::mail {

/// Why the sender gets the header only, though the whole message was asked for; empty: he gets it, or it was not asked for.
/// `utf8`: UTF-8 may stand in header fields of the report.
[[nodiscard]] std::string why_header_only(const DeliveryReport& report, const ReportSettings& settings, bool utf8);

/// The whole message if it was asked for and can be sent, or as much of its header as fits into `header_octets`.
[[nodiscard]] MimePart returned_part(const DeliveryReport& report, const ReportSettings& settings, bool utf8,
                                     std::size_t header_octets);

/// The Message-ID in the header of a message, with its angle brackets; empty: none that is fit to be repeated.
[[nodiscard]] std::string returned_message_id(std::string_view message);

}  // namespace posthorn::mail
