#include "rules/domain_verdicts.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

using Texts = std::vector<std::string>;

Grade worst(const std::vector<DomainFinding>& findings) {
  Grade grade = Grade::good;
  for (const auto& finding : findings) grade = std::max(grade, finding.grade);
  return grade;
}

Grade spf(const Texts& texts, bool is_included = false) {
  return worst(judge_spf("example.test", texts, is_included).findings);
}
Grade dmarc(const std::string& text) { return worst(judge_dmarc("_dmarc.example.test", {text})); }
Grade dkim(const std::string& text) { return judge_dkim("s._domainkey.example.test", {text}).grade; }
Grade sts(const Texts& texts) { return judge_mta_sts("_mta-sts.example.test", texts).grade; }

TEST(DomainVerdicts, SpfIsReadAsReceiversReadIt) {
  EXPECT_EQ(spf({"v=spf1 mx ip4:192.0.2.0/24 ip6:2001:db8::/32 a:mail.example.test/28 -all"}), Grade::good);
  EXPECT_EQ(spf({"google-site-verification=x", "v=spf1 ~all"}), Grade::good);
  EXPECT_EQ(spf({"v=spf1 redirect=_spf.example.test"}), Grade::good);
  EXPECT_EQ(spf({"V=SPF1 MX -ALL"}), Grade::good);
  EXPECT_EQ(spf({"v=spf1 mx unknown-modifier=x -all"}), Grade::good);
}

TEST(DomainVerdicts, SpfThatAllowsOrProvesNothing) {
  EXPECT_EQ(spf({}), Grade::warning);
  EXPECT_EQ(spf({"v=spf10 -all"}), Grade::warning);
  EXPECT_EQ(spf({"v=spf1 mx"}), Grade::warning);
  EXPECT_EQ(spf({"v=spf1 mx ?all"}), Grade::warning);
  EXPECT_EQ(spf({"v=spf1 ptr -all"}), Grade::warning);
  EXPECT_EQ(spf({"v=spf1 all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 +all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 -all", "v=spf1 mx -all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 ipv4:192.0.2.1 -all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 ip4:192.0.2.300 -all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 ip4:2001:db8::1 -all"}), Grade::fault);
  EXPECT_EQ(spf({"v=spf1 include: -all"}), Grade::fault);
  EXPECT_EQ(spf({}, true), Grade::fault);
}

TEST(DomainVerdicts, SpfNamesWhatIsToBeReadInTurn) {
  const auto reading = judge_spf(
      "example.test", {"v=spf1 a mx include:A.test exists:%{i}.test include:%{d}.test redirect=b.test"}, false);
  EXPECT_EQ(reading.includes, (Texts{"a.test", "b.test"}));
  EXPECT_EQ(reading.lookups, 6U);
  EXPECT_EQ(spf({"v=spf1 a a a a a a a a a a a -all"}), Grade::fault);
}

TEST(DomainVerdicts, Dkim) {
  const auto rsa = [](std::size_t characters) { return "v=DKIM1; k=rsa; p=" + std::string(characters, 'A'); };
  EXPECT_EQ(dkim(rsa(392)), Grade::good);
  EXPECT_EQ(dkim(rsa(216)), Grade::warning);
  EXPECT_EQ(dkim(rsa(128)), Grade::fault);
  EXPECT_EQ(dkim("k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), Grade::good);
  EXPECT_EQ(dkim("k=ed25519; p=AAAA"), Grade::fault);
  EXPECT_EQ(dkim("v=DKIM1; p="), Grade::warning);
  EXPECT_EQ(dkim("v=DKIM1; p=!!"), Grade::fault);
  EXPECT_EQ(dkim("v=DKIM1; t=s:y; p=" + std::string(392, 'A')), Grade::warning);
  EXPECT_EQ(dkim("v=DKIM2; p=AAAA"), Grade::fault);
  EXPECT_EQ(dkim("hello"), Grade::fault);
}

TEST(DomainVerdicts, Dmarc) {
  EXPECT_EQ(dmarc("v=DMARC1; p=reject; rua=mailto:d@example.test"), Grade::good);
  EXPECT_EQ(dmarc("v=DMARC1; p=reject"), Grade::note);
  EXPECT_EQ(dmarc("v=DMARC1; p=none; rua=mailto:d@example.test"), Grade::note);
  EXPECT_EQ(dmarc("v=DMARC1; rua=mailto:d@example.test"), Grade::fault);
  EXPECT_EQ(dmarc("v=DMARC1; p=rejected"), Grade::fault);
  EXPECT_EQ(dmarc("v=DMARC1; p=reject; rua"), Grade::warning);
  EXPECT_TRUE(judge_dmarc("_dmarc.example.test", {"other"}).empty());
  EXPECT_EQ(worst(judge_dmarc("_dmarc.example.test", {"v=DMARC1; p=none", "v=DMARC1; p=reject"})), Grade::fault);
}

TEST(DomainVerdicts, MtaSts) {
  EXPECT_EQ(sts({"v=STSv1; id=20261129T1"}), Grade::good);
  EXPECT_EQ(sts({}), Grade::note);
  EXPECT_EQ(sts({"v=STSv1; id=2026-11-29"}), Grade::fault);
  EXPECT_EQ(sts({"v=STSv1;"}), Grade::fault);
  EXPECT_EQ(sts({"v=STSv1; id=1", "v=STSv1; id=2"}), Grade::fault);
}

TEST(DomainVerdicts, WhatIsShownIsOneCleanLine) {
  const auto finding = judge_mta_sts("n", {"v=STSv1; id=1; x=\x1b[2J\n" + std::string(1000, 'x')});
  EXPECT_EQ(finding.grade, Grade::good);
  EXPECT_LT(finding.text.size(), 300U);
  EXPECT_EQ(finding.text.find_first_of("\x1b\n"), std::string::npos);
}

}  // namespace
}  // namespace posthorn::rules
