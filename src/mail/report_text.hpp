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

/// A reply's lines put together, with a blank for each line end.
[[nodiscard]] std::string reply_in_one_line(std::string_view reply);

[[nodiscard]] std::string report_text(const DeliveryReport& report, const ReportSettings& settings);

}  // namespace posthorn::mail
