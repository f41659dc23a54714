// The part of a delivery report that is for people: plain words, no jargon, UTF-8, CRLF lines. Used by delivery_report.
#pragma once

#include "mail/delivery_report.hpp"

#include <string>
#include <string_view>

namespace posthorn::mail {

/// The gravest of what happened to the recipients.
[[nodiscard]] DeliveryAction gravest_action(const DeliveryReport& report);

/// "Your message could not be delivered", for the subject.
[[nodiscard]] std::string_view report_subject(DeliveryAction action);

/// `why_header_only`: why the message is not returned as it was asked for; empty: it is, or nobody asked.
[[nodiscard]] std::string report_text(const DeliveryReport& report, const ReportSettings& settings,
                                      std::string_view why_header_only);

}  // namespace posthorn::mail
