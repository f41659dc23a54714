#include "rules/domain_verdicts.hpp"

#include "base/ascii.hpp"
#include "base/base64.hpp"
#include "base/clean_text.hpp"
#include "base/ip_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace posthorn::rules {
namespace {

constexpr std::size_t spf_lookups = 10;
/// The octets of an encoded RSA public key of 1024 and of 2048 bits (RFC 8017 §A.1.1 in RFC 5280's frame).
constexpr std::size_t rsa_1024_octets = 160;
constexpr std::size_t rsa_2048_octets = 290;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    if (const auto part = ascii::trim(text.substr(0, end)); !part.empty()) parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// "tag=value; tag=value" (RFC 6376 §3.2).
struct Tags {
  explicit Tags(std::string_view text) {
    for (const auto part : split(text, ';')) {
      const auto equals = part.find('=');
      if (equals == std::string_view::npos) {
        is_well_formed = false;
        continue;
      }
      all.emplace_back(ascii::trim(part.substr(0, equals)), ascii::trim(part.substr(equals + 1)));
    }
  }
  [[nodiscard]] std::optional<std::string_view> find(std::string_view tag) const {
    const auto found = std::ranges::find_if(all, [&](const auto& one) { return ascii::same_word(one.first, tag); });
    return found == all.end() ? std::nullopt : std::optional{found->second};
  }

  std::vector<std::pair<std::string_view, std::string_view>> all;
  bool is_well_formed = true;
};

std::string shown(std::string_view text) { return LogText{text, 200}.text(); }

/// The records that begin with this version, which a blank or the separator ends.
std::vector<std::string> of_version(const std::vector<std::string>& texts, std::string_view version) {
  std::vector<std::string> found;
  for (const auto& text : texts) {
    const std::string_view all = text;
    if (!ascii::starts_with_word(all, version)) continue;
    const auto rest = all.substr(version.size());
    if (rest.empty() || rest.front() == ';' || ascii::is_blank(rest.front())) found.push_back(text);
  }
  return found;
}

/// One term of an SPF record, read: qualifier, name, and what stands behind it (RFC 7208 §4.6.1).
struct SpfTerm {
  explicit SpfTerm(std::string_view term) : whole(term) {
    if (std::string_view{"+-~?"}.contains(term.front())) {
      qualifier = term.front();
      term.remove_prefix(1);
    }
    const auto end = std::ranges::find_if(term, [](char c) { return c == ':' || c == '/' || c == '='; });
    name = ascii::lower({term.begin(), end});
    rest = {end, term.end()};
    is_modifier = rest.starts_with('=');
  }
  [[nodiscard]] std::string_view argument() const { return rest.empty() ? rest : rest.substr(1); }

  std::string_view whole;
  char qualifier = '+';
  std::string name;
  std::string_view rest;
  bool is_modifier = false;
};

class SpfReader {
 public:
  explicit SpfReader(std::string name) : name_(std::move(name)) {}

  void read(std::string_view record) {
    for (const auto word : split(record, ' ')) {
      const SpfTerm term{word};
      term.is_modifier ? read_modifier(term) : read_mechanism(term);
    }
    if (!has_all_ && !has_redirect_)
      say(Grade::warning, "it ends without \"all\": whoever is not listed is neither allowed nor forbidden");
  }
  SpfReading take() { return std::move(reading_); }
  void say(Grade grade, std::string text) { reading_.findings.push_back({grade, "SPF", name_, std::move(text)}); }

 private:
  void read_modifier(const SpfTerm& term) {
    if (term.name != "redirect") return;  // RFC 7208 §6: unknown ones are ignored
    has_redirect_ = true;
    follow(term.argument());
  }

  void read_mechanism(const SpfTerm& term) {
    static constexpr std::array asking{"include", "a", "mx", "ptr", "exists"};
    if (term.name == "all") {
      read_all(term);
    } else if (term.name == "ip4" || term.name == "ip6") {
      read_network(term);
    } else if (std::ranges::find(asking, term.name) == asking.end()) {
      say(Grade::fault, fmt::format("\"{}\" is no mechanism: the whole record counts as an error", shown(term.whole)));
    } else if (term.name == "include") {
      follow(term.argument());
    } else {
      ++reading_.lookups;
      if (term.name == "ptr")
        say(Grade::warning, "\"ptr\" is slow and unreliable and must not be published (RFC 7208 §5.5)");
    }
  }

  void read_all(const SpfTerm& term) {
    has_all_ = true;
    if (term.qualifier == '+') say(Grade::fault, "\"+all\" allows everybody to send in this domain's name");
    if (term.qualifier == '?')
      say(Grade::warning, "\"?all\" says nothing about those who are not listed: use \"-all\" or \"~all\"");
  }

  void read_network(const SpfTerm& term) {
    const auto network = IpNetwork::parse(term.argument());
    if (!network || network->address.is_v4() != (term.name == "ip4")) {
      say(Grade::fault, fmt::format("\"{}\" is no network: the whole record counts as an error", shown(term.whole)));
    }
  }

  void follow(std::string_view domain) {
    ++reading_.lookups;
    if (domain.empty()) {
      say(Grade::fault, "\"include\" and \"redirect\" want a domain: the whole record counts as an error");
    } else if (!domain.contains('%')) {
      reading_.includes.push_back(ascii::lower(domain));
    }
  }

  std::string name_;
  SpfReading reading_;
  bool has_all_ = false;
  bool has_redirect_ = false;
};

DomainFinding judge_dkim_key(const std::string& name, const Tags& tags) {
  const auto key = *tags.find("p");
  if (key.empty()) return {Grade::warning, "DKIM", name, "the key is revoked (p= is empty)"};
  std::string packed;
  std::ranges::copy_if(key, std::back_inserter(packed), [](char c) { return !ascii::is_blank(c); });
  const auto octets = base64::decode(packed);
  if (!octets) return {Grade::fault, "DKIM", name, "p= is no base64: no signature can be checked"};
  const auto kind = tags.find("k").value_or("rsa");
  if (ascii::same_word(kind, "ed25519")) {
    if (octets->size() != 32) return {Grade::fault, "DKIM", name, "an Ed25519 key has 32 octets (RFC 8463 §4)"};
  } else if (!ascii::same_word(kind, "rsa")) {
    return {Grade::warning, "DKIM", name, fmt::format("\"{}\" is a kind of key that few can check", shown(kind))};
  } else if (octets->size() < rsa_1024_octets) {
    return {Grade::fault, "DKIM", name, "an RSA key below 1024 bits proves nothing (RFC 8301 §3.2)"};
  } else if (octets->size() < rsa_2048_octets) {
    return {Grade::warning, "DKIM", name, "the RSA key has fewer than 2048 bits (RFC 8301 §3.2)"};
  }
  const auto flags = split(tags.find("t").value_or(""), ':');
  if (std::ranges::find(flags, "y") != flags.end()) {
    return {Grade::warning, "DKIM", name, "t=y: receivers treat its mail as if it were not signed"};
  }
  return {Grade::good, "DKIM", name, fmt::format("a key ({})", shown(kind))};
}

}  // namespace

std::string_view name_of(Grade grade) {
  switch (grade) {
    case Grade::good:
      return "good";
    case Grade::note:
      return "note";
    case Grade::warning:
      return "warning";
    case Grade::fault:
      return "fault";
    case Grade::unknown:
      return "unknown";
  }
  return "";
}

SpfReading judge_spf(const std::string& name, const std::vector<std::string>& texts, bool is_included) {
  SpfReader reader{name};
  const auto records = of_version(texts, "v=spf1");
  if (records.size() > 1) {  // RFC 7208 §4.5
    reader.say(Grade::fault, fmt::format("there are {} SPF records: none of them counts", records.size()));
  } else if (records.empty() && is_included) {  // RFC 7208 §5.2
    reader.say(Grade::fault, "it is named by an SPF record and has none: the whole record counts as an error");
  } else if (records.empty()) {
    reader.say(Grade::warning, "no SPF record: receivers cannot tell who may send in its name");
  } else {
    reader.read(std::string_view{records.front()}.substr(6));
  }
  auto reading = reader.take();
  if (reading.lookups > spf_lookups) {
    reading.findings.push_back(
        {Grade::fault, "SPF", name,
         fmt::format("{} terms ask DNS, ten may: the whole record counts as an error", reading.lookups)});
  }
  if (reading.findings.empty() && !is_included)
    reading.findings.push_back({Grade::good, "SPF", name, shown(records.front())});
  return reading;
}

DomainFinding judge_dkim(const std::string& name, const std::vector<std::string>& texts) {
  for (const auto& text : texts) {
    const Tags tags{text};
    const auto version = tags.find("v");
    if (version && *version != "DKIM1") continue;
    if (tags.find("p")) return judge_dkim_key(name, tags);
  }
  return {Grade::fault, "DKIM", name, "no key stands there: signatures with this selector fail"};
}

std::vector<DomainFinding> judge_dmarc(const std::string& name, const std::vector<std::string>& texts) {
  const auto records = of_version(texts, "v=DMARC1");
  if (records.empty()) return {};
  if (records.size() > 1) {  // RFC 7489 §6.6.3
    return {
        {Grade::fault, "DMARC", name, fmt::format("there are {} DMARC records: none of them counts", records.size())}};
  }
  std::vector<DomainFinding> findings;
  const Tags tags{records.front()};
  const auto policy = tags.find("p");
  if (!policy) {
    findings.push_back({Grade::fault, "DMARC", name, "it has no p=: the record does not count"});
  } else if (ascii::same_word(*policy, "none")) {
    findings.push_back({Grade::note, "DMARC", name, "p=none: forged mail is reported at most, never refused"});
  } else if (!ascii::same_word(*policy, "quarantine") && !ascii::same_word(*policy, "reject")) {
    findings.push_back({Grade::fault, "DMARC", name,
                        fmt::format("p={} is no policy: say none, quarantine or reject", shown(*policy))});
  }
  if (!tags.is_well_formed)
    findings.push_back({Grade::warning, "DMARC", name, "a part of it is not of the form tag=value"});
  if (!tags.find("rua"))
    findings.push_back({Grade::note, "DMARC", name, "it has no rua=: nobody sends reports about forged mail"});
  if (findings.empty()) findings.push_back({Grade::good, "DMARC", name, shown(records.front())});
  return findings;
}

DomainFinding judge_mta_sts(const std::string& name, const std::vector<std::string>& texts) {
  const auto records = of_version(texts, "v=STSv1");
  if (records.empty())
    return {Grade::note, "MTA-STS", name, "none: senders cannot know that this domain wants TLS, unless TLSA says so"};
  if (records.size() > 1) {  // RFC 8461 §3.1
    return {Grade::fault, "MTA-STS", name, fmt::format("there are {} records: none of them counts", records.size())};
  }
  const Tags tags{records.front()};
  const auto id = tags.find("id").value_or("");
  const bool is_good = !id.empty() && id.size() <= 32 && std::ranges::all_of(id, ascii::is_letter_or_digit);
  if (!is_good)
    return {Grade::fault, "MTA-STS", name, "id= must have 1 to 32 letters and digits: the record does not count"};
  return {Grade::good, "MTA-STS", name, shown(records.front())};
}

}  // namespace posthorn::rules
