// DomainCheck: asks DNS all that a mail server's administrator would about a domain, and says what is wrong with it: MX and
// addresses, the names of the addresses, SPF, DKIM, DMARC, MTA-STS, TLSA. Bounded: so many hosts, addresses and names are
// asked for, one after another, each with its deadline.
#pragma once

#include "rules/domain_verdicts.hpp"
#include "world/loop.hpp"
#include "world/resolver.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::service {

struct DomainCheckSettings {
  std::vector<std::string> dkim_selectors;
  Duration timeout = std::chrono::seconds{10};  ///< of one question
  std::size_t hosts = 20;                       ///< mail hosts looked at
  std::size_t addresses = 16;                   ///< of each host
};

class DomainCheck {
 public:
  DomainCheck(world::Loop& loop, world::Resolver& resolver, DomainCheckSettings settings)
      : loop_(loop), resolver_(resolver), settings_(std::move(settings)) {}

  /// `domain` in canonical form, no literal. The findings by subject, in the order of this page's first line.
  [[nodiscard]] world::Task<std::vector<rules::DomainFinding>> run(std::string domain);

 private:
  [[nodiscard]] world::Task<world::DnsAnswer> ask(std::string name, world::DnsType type);
  [[nodiscard]] world::Task<std::optional<std::vector<std::string>>> texts_of(std::string name, std::string subject);
  [[nodiscard]] world::Task<std::vector<std::string>> check_mx(std::string domain);
  [[nodiscard]] world::Task<> check_host(std::string host);
  [[nodiscard]] world::Task<std::vector<IpAddress>> addresses_of(std::string host);
  [[nodiscard]] world::Task<> check_name_of(IpAddress address, std::string host);
  [[nodiscard]] world::Task<> check_tlsa(std::string host);
  [[nodiscard]] world::Task<> check_spf(std::string domain);
  [[nodiscard]] world::Task<> check_dkim(std::string domain);
  [[nodiscard]] world::Task<> check_dmarc(std::string domain);
  [[nodiscard]] world::Task<> check_mta_sts(std::string domain);
  void say(rules::Grade grade, std::string subject, std::string name, std::string text);

  world::Loop& loop_;
  world::Resolver& resolver_;
  DomainCheckSettings settings_;
  std::vector<rules::DomainFinding> findings_;
};

}  // namespace posthorn::service
