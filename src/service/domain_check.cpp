#include "service/domain_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

using rules::Grade;
using world::DnsAnswer;
using world::DnsType;

constexpr std::size_t spf_names = 10;  // RFC 7208 §4.6.4

bool has_failed(const DnsAnswer& answer) {
  return answer.status == DnsAnswer::Status::failed || answer.security == world::DnsSecurity::bogus;
}

std::string why(const DnsAnswer& answer) {
  if (answer.security == world::DnsSecurity::bogus)
    return "the signature is wrong (DNSSEC), so nobody who validates gets an answer";
  return answer.why.empty() ? "DNS gave no answer" : "DNS gave no answer: " + answer.why;
}

template <class Record>
std::vector<Record> records_of(const DnsAnswer& answer) {
  std::vector<Record> found;
  for (const auto& record : answer.records) {
    if (const auto* one = std::get_if<Record>(&record)) found.push_back(*one);
  }
  return found;
}

/// RFC 1035 §3.5, RFC 3596 §2.5.
std::string reverse_name(const IpAddress& address) {
  std::string name;
  const auto octets = address.octets();
  for (auto octet = octets.rbegin(); octet != octets.rend(); ++octet) {
    if (address.is_v4()) {
      name += fmt::format("{}.", *octet);
    } else {
      name += fmt::format("{:x}.{:x}.", *octet & 0xf, *octet >> 4);
    }
  }
  return name + (address.is_v4() ? "in-addr.arpa" : "ip6.arpa");
}

std::string_view parent_of(std::string_view domain) {
  const auto dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view{} : domain.substr(dot + 1);
}

}  // namespace

world::Task<std::vector<rules::DomainFinding>> DomainCheck::run(std::string domain) {
  findings_.clear();
  const auto hosts = co_await check_mx(domain);
  for (const auto& host : hosts) co_await check_host(host);
  co_await check_spf(domain);
  co_await check_dkim(domain);
  co_await check_dmarc(domain);
  if (!hosts.empty()) co_await check_mta_sts(domain);
  for (const auto& host : hosts) co_await check_tlsa(host);
  co_return std::move(findings_);
}

world::Task<DnsAnswer> DomainCheck::ask(std::string name, DnsType type) {
  co_return co_await resolver_.query(std::move(name), type, after(loop_.now(), settings_.timeout));
}

/// None: DNS gave no answer, which is among the findings then.
world::Task<std::optional<std::vector<std::string>>> DomainCheck::texts_of(std::string name, std::string subject) {
  const auto answer = co_await ask(name, DnsType::txt);
  if (!has_failed(answer)) co_return records_of<std::string>(answer);
  say(Grade::unknown, std::move(subject), std::move(name), why(answer));
  co_return std::nullopt;
}

/// The hosts that mail goes to.
world::Task<std::vector<std::string>> DomainCheck::check_mx(std::string domain) {
  const auto answer = co_await ask(domain, DnsType::mx);
  auto records = records_of<world::MxRecord>(answer);
  if (has_failed(answer)) {
    say(Grade::unknown, "MX", domain, why(answer));
    co_return std::vector<std::string>{};
  }
  if (answer.status == DnsAnswer::Status::no_name) {
    say(Grade::fault, "MX", domain, "there is no such domain");
    co_return std::vector<std::string>{};
  }
  if (records.empty()) {  // RFC 5321 §5.1
    say(Grade::warning, "MX", domain, "no MX: mail goes to the address of the domain itself, if it has one");
    co_return std::vector{domain};
  }
  if (std::ranges::any_of(records, [](const auto& record) { return record.host.empty(); })) {  // RFC 7505 §3
    const bool is_alone = records.size() == 1;
    say(is_alone ? Grade::note : Grade::fault, "MX", domain,
        is_alone ? "a null MX: the domain takes no mail" : "a null MX beside others: take one or the others away");
    co_return std::vector<std::string>{};
  }
  std::ranges::sort(records, {}, [](const auto& record) { return std::pair{record.preference, record.host}; });
  std::vector<std::string> hosts;
  for (const auto& record : records) {
    if (hosts.size() == settings_.hosts) break;
    say(Grade::good, "MX", domain, fmt::format("{} {}", record.preference, record.host));
    if (std::ranges::find(hosts, record.host) == hosts.end()) hosts.push_back(record.host);
  }
  co_return hosts;
}

world::Task<> DomainCheck::check_host(std::string host) {
  if (IpAddress::parse(host)) {  // RFC 5321 §5.1, RFC 1035 §3.3.9
    say(Grade::fault, "MX", host, "an address where a host name must stand: name the host");
    co_return;
  }
  const auto addresses = co_await addresses_of(host);
  for (const auto& address : addresses) co_await check_name_of(address, host);
}

world::Task<std::vector<IpAddress>> DomainCheck::addresses_of(std::string host) {
  std::vector<IpAddress> addresses;
  bool is_known = true;
  for (const auto type : {DnsType::a, DnsType::aaaa}) {
    const auto answer = co_await ask(host, type);
    if (has_failed(answer)) {
      is_known = false;
      say(Grade::unknown, type == DnsType::a ? "A" : "AAAA", host, why(answer));
    }
    if (type == DnsType::a && !answer.canonical_name.empty()) {  // RFC 2181 §10.3
      say(Grade::warning, "MX", host,
          fmt::format("it is another name (CNAME) for {}: name that one in the MX", answer.canonical_name));
    }
    std::ranges::move(records_of<IpAddress>(answer), std::back_inserter(addresses));
  }
  if (addresses.size() > settings_.addresses) addresses.resize(settings_.addresses);
  for (const auto& address : addresses) {
    const bool is_public = !address.is_loopback() && !address.is_unspecified();
    say(is_public ? Grade::good : Grade::fault, address.is_v4() ? "A" : "AAAA", host,
        address.to_string() + (is_public ? "" : ": no host elsewhere can reach that"));
  }
  if (addresses.empty() && is_known) say(Grade::fault, "A", host, "it has no address: no mail gets there");
  co_return addresses;
}

/// The name of an address must lead back to it, or many refuse the mail that comes from there.
world::Task<> DomainCheck::check_name_of(IpAddress address, std::string host) {
  const auto asked = reverse_name(address);
  const auto answer = co_await ask(asked, DnsType::ptr);
  const auto names = records_of<std::string>(answer);
  if (has_failed(answer)) {
    say(Grade::unknown, "PTR", address.to_string(), why(answer));
    co_return;
  }
  if (names.empty()) {
    say(Grade::warning, "PTR", address.to_string(),
        fmt::format("it has no name: many refuse mail from it; name it {}", host));
    co_return;
  }
  const auto& name = names.front();
  const auto back = co_await ask(name, address.is_v4() ? DnsType::a : DnsType::aaaa);
  const auto addresses = records_of<IpAddress>(back);
  if (std::ranges::find(addresses, address) != addresses.end()) {
    say(Grade::good, "PTR", address.to_string(), name);
  } else {
    say(has_failed(back) ? Grade::unknown : Grade::warning, "PTR", address.to_string(),
        fmt::format("its name is {}, which does not lead back to it: many refuse mail from it", name));
  }
}

/// RFC 7672 §2.2, §3.1.
world::Task<> DomainCheck::check_tlsa(std::string host) {
  auto name = "_25._tcp." + host;
  const auto answer = co_await ask(name, DnsType::tlsa);
  const auto records = records_of<world::TlsaRecord>(answer);
  if (has_failed(answer)) {
    say(Grade::unknown, "TLSA", name, why(answer));
  } else if (records.empty()) {
    say(Grade::note, "TLSA", name, "none: senders cannot check the certificate by DNS");
  } else if (answer.security != world::DnsSecurity::secure) {
    say(Grade::warning, "TLSA", name, "not signed (DNSSEC), as far as this resolver can tell: senders ignore it");
  } else {
    const auto usable =
        std::ranges::count_if(records, [](const auto& record) { return record.usage == 2 || record.usage == 3; });
    say(usable > 0 ? Grade::good : Grade::fault, "TLSA", name,
        usable > 0 ? fmt::format("{} usable", usable) : "only usages 2 (DANE-TA) and 3 (DANE-EE) count for mail");
  }
}

/// What is included is read too: one fault in it and the whole record counts as an error.
world::Task<> DomainCheck::check_spf(std::string domain) {
  std::deque<std::string> open{domain};
  std::set<std::string> seen{domain};
  std::size_t lookups = 0;
  while (!open.empty() && seen.size() <= spf_names + 1) {
    const auto name = std::move(open.front());
    open.pop_front();
    const auto texts = co_await texts_of(name, "SPF");
    if (!texts) continue;
    auto reading = rules::judge_spf(name, *texts, name != domain);
    lookups += reading.lookups;
    std::ranges::move(reading.findings, std::back_inserter(findings_));
    for (auto& next : reading.includes) {
      if (seen.insert(next).second) open.push_back(std::move(next));
    }
  }
  if (lookups > spf_names && seen.size() > 1) {
    say(Grade::fault, "SPF", domain,
        fmt::format("with all that it includes {} terms ask DNS, ten may: the record counts as an error", lookups));
  }
}

world::Task<> DomainCheck::check_dkim(std::string domain) {
  const auto folder = "_domainkey." + domain;
  if (settings_.dkim_selectors.empty()) {
    // Where names lie below it, a name is there, with or without records (RFC 8020 §2).
    const auto answer = co_await ask(folder, DnsType::txt);
    if (has_failed(answer)) {
      say(Grade::unknown, "DKIM", folder, why(answer));
    } else if (answer.status == DnsAnswer::Status::no_name) {
      say(Grade::warning, "DKIM", folder, "no keys: its mail is not signed, which large receivers ask for");
    } else {
      say(Grade::note, "DKIM", folder, "there are keys; name a selector to have its key judged");
    }
  }
  for (const auto& selector : settings_.dkim_selectors) {
    const auto name = selector + "." + folder;
    const auto texts = co_await texts_of(name, "DKIM");
    if (texts) findings_.push_back(rules::judge_dkim(name, *texts));
  }
}

/// A domain without a record of its own has that of a parent.
world::Task<> DomainCheck::check_dmarc(std::string domain) {
  std::string_view owner = domain;
  for (std::size_t labels = 0; labels < 8 && owner.contains('.'); ++labels, owner = parent_of(owner)) {
    const auto name = fmt::format("_dmarc.{}", owner);
    const auto texts = co_await texts_of(name, "DMARC");
    if (!texts) co_return;
    auto findings = rules::judge_dmarc(name, *texts);
    if (findings.empty()) continue;
    std::ranges::move(findings, std::back_inserter(findings_));
    co_return;
  }
  say(Grade::warning, "DMARC", "_dmarc." + domain,
      "no record: forged mail in its name is not refused, and large receivers ask for one");
}

world::Task<> DomainCheck::check_mta_sts(std::string domain) {
  const auto name = "_mta-sts." + domain;
  const auto texts = co_await texts_of(name, "MTA-STS");
  if (!texts) co_return;
  auto finding = rules::judge_mta_sts(name, *texts);
  const bool is_announced = finding.grade == Grade::good;
  findings_.push_back(std::move(finding));
  if (!is_announced) co_return;
  const auto host = "mta-sts." + domain;  // RFC 8461 §3.3
  const auto v4 = co_await ask(host, DnsType::a);
  const auto v6 = co_await ask(host, DnsType::aaaa);
  if (has_failed(v4) && has_failed(v6)) {
    say(Grade::unknown, "MTA-STS", host, why(v4));
  } else if (v4.records.empty() && v6.records.empty()) {
    say(Grade::fault, "MTA-STS", host, "it has no address: nobody can fetch the policy");
  } else {
    say(Grade::note, "MTA-STS", host, "the policy itself is fetched by HTTPS and was not looked at");
  }
}

void DomainCheck::say(Grade grade, std::string subject, std::string name, std::string text) {
  findings_.push_back({grade, std::move(subject), std::move(name), std::move(text)});
}

}  // namespace posthorn::service
