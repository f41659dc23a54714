// What the texts in DNS say of a mail domain, judged as those who receive its mail will: SPF (RFC 7208), DKIM (RFC 6376),
// DMARC (RFC 7489), MTA-STS (RFC 8461). Values in, values out: service/domain_check.hpp asks DNS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::rules {

enum class Grade : std::uint8_t {
  good,
  note,     ///< worth knowing, nothing to mend
  warning,  ///< mail suffers with some
  fault,    ///< mail is refused or lost, or the record does not count
  unknown,  ///< DNS gave no answer
};

/// "good", "note", "warning", "fault", "unknown".
[[nodiscard]] std::string_view name_of(Grade grade);

struct DomainFinding {
  Grade grade = Grade::good;
  std::string subject;  ///< "MX", "SPF", …
  std::string name;     ///< what DNS was asked for, or the host concerned
  std::string text;     ///< with the name may hold what DNS said: clean both before they are shown

  bool operator==(const DomainFinding&) const = default;
};

/// The names that an SPF record has receivers look up.
struct SpfReading {
  std::vector<DomainFinding> findings;
  std::vector<std::string> includes;  ///< of `include` and `redirect`, to be read in turn; without macros (RFC 7208 §7)
  std::size_t lookups = 0;            ///< terms that ask DNS, of ten that are allowed (RFC 7208 §4.6.4)
};

/// `texts`: all TXT records of `name`. `is_included`: another domain's record names this one.
[[nodiscard]] SpfReading judge_spf(const std::string& name, const std::vector<std::string>& texts, bool is_included);

/// All TXT records of `SELECTOR._domainkey.DOMAIN`.
[[nodiscard]] DomainFinding judge_dkim(const std::string& name, const std::vector<std::string>& texts);

/// All TXT records of `_dmarc.DOMAIN`; none of them is DMARC's: no finding, and the parent's are to be looked at.
[[nodiscard]] std::vector<DomainFinding> judge_dmarc(const std::string& name, const std::vector<std::string>& texts);

/// All TXT records of `_mta-sts.DOMAIN`.
[[nodiscard]] DomainFinding judge_mta_sts(const std::string& name, const std::vector<std::string>& texts);

}  // namespace posthorn::rules
