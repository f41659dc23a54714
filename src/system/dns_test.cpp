// Decoding of records, the cache, and the resolver against a real name server with zones of its own, and against servers
// that are silent, broken or hostile.
#include "system/dns_cache.hpp"
#include "system/dns_decode.hpp"
#include "system/unbound_resolver.hpp"

#include "support/dns_lab.hpp"
#include "system/clock.hpp"
#include "system/descriptor.hpp"
#include "system/event_loop.hpp"
#include "system/socket_address.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>

#include <fstream>
#include <random>

namespace posthorn::system {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::DnsLab;
using test::DnsZone;
using world::DnsAnswer;
using world::DnsRecord;
using world::DnsSecurity;
using world::DnsType;
using Status = DnsAnswer::Status;

// ---- records ----

std::string text_of(const DnsRecord& record) {
  struct Text {
    std::string operator()(const IpAddress& address) const { return address.to_string(); }
    std::string operator()(const world::MxRecord& mx) const { return std::to_string(mx.preference) + " " + mx.host; }
    std::string operator()(const world::TlsaRecord& tlsa) const {
      return std::to_string(tlsa.usage) + " " + std::to_string(tlsa.selector) + " " + std::to_string(tlsa.matching) +
             " " + tlsa.data;
    }
    std::string operator()(const std::string& text) const { return text; }
  };
  return std::visit(Text{}, record);
}

struct DecodeRow {
  std::string name;
  DnsType type;
  std::string data;
  std::optional<std::string> expected;
};
class DnsDecode : public testing::TestWithParam<DecodeRow> {};
TEST_P(DnsDecode, TakesOnlyWhatIsWhole) {
  const auto record = decode_record(GetParam().type, GetParam().data);
  EXPECT_EQ(record ? std::optional{text_of(*record)} : std::nullopt, GetParam().expected);
}
const auto none = std::nullopt;
INSTANTIATE_TEST_SUITE_P(
    All, DnsDecode,
    testing::Values(
        DecodeRow{"a", DnsType::a, "\x7f\0\0\1"s, "127.0.0.1"}, DecodeRow{"a_short", DnsType::a, "\x7f\0\0"s, none},
        DecodeRow{"a_long", DnsType::a, "\x7f\0\0\1\0"s, none},
        DecodeRow{"aaaa", DnsType::aaaa, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"s, "::1"},
        DecodeRow{"aaaa_short", DnsType::aaaa, "\0\0\0\0"s, none},
        DecodeRow{"mx", DnsType::mx, "\0\x0a\2MX\4Test\0"s, "10 mx.test"},
        DecodeRow{"null_mx", DnsType::mx, "\0\0\0"s, "0 "}, DecodeRow{"mx_cut", DnsType::mx, "\0\x0a\2MX\4Tes"s, none},
        DecodeRow{"mx_empty", DnsType::mx, "", none}, DecodeRow{"mx_no_root", DnsType::mx, "\0\x0a\2MX"s, none},
        DecodeRow{"mx_more_behind", DnsType::mx, "\0\x0a\2mx\0x"s, none},
        DecodeRow{"compressed", DnsType::mx, "\0\x0a\xc0\x0c"s, none},
        DecodeRow{"dot_in_label", DnsType::ptr, "\3a.b\0"s, none},
        DecodeRow{"blank_in_label", DnsType::ptr, "\3a b\0"s, none},
        DecodeRow{"line_in_label", DnsType::ptr, "\3a\nb\0"s, none},
        DecodeRow{"high_octet", DnsType::ptr, "\2\xc3\xbc\0"s, none},
        DecodeRow{"underscore", DnsType::cname, "\4_tcp\0"s, "_tcp"},
        DecodeRow{"label_too_long", DnsType::ns, "\x40"s + std::string(64, 'x') + "\0"s, none},
        DecodeRow{"name_too_long", DnsType::ns,
                  [] {
                    std::string name;
                    for (int i = 0; i < 5; ++i) name += "\x3f" + std::string(63, 'x');
                    return name + '\0';
                  }(),
                  none},
        DecodeRow{"txt", DnsType::txt, "\3abc\2de"s, "abcde"}, DecodeRow{"txt_empty_string", DnsType::txt, "\0"s, ""},
        DecodeRow{"txt_cut", DnsType::txt, "\3ab"s, none}, DecodeRow{"tlsa", DnsType::tlsa, "\3\1\1xyz"s, "3 1 1 xyz"},
        DecodeRow{"tlsa_without_data", DnsType::tlsa, "\3\1\1"s, none}),
    [](const auto& row) { return row.param.name; });

TEST(DnsDecode, RandomOctetsGiveARecordOrNothing) {
  std::mt19937 random{5};
  for (int i = 0; i < 50'000; ++i) {
    std::string data(random() % 40, '\0');
    for (auto& octet : data) octet = static_cast<char>(random() % 3 == 0 ? random() : random() % 5);
    for (const auto type : {DnsType::a, DnsType::aaaa, DnsType::mx, DnsType::txt, DnsType::tlsa, DnsType::ptr}) {
      const auto record = decode_record(type, data);
      const auto* const mx = record ? std::get_if<world::MxRecord>(&*record) : nullptr;
      if (mx != nullptr && !mx->host.empty()) EXPECT_TRUE(is_askable(mx->host)) << mx->host;
    }
  }
}

TEST(DnsDecode, OnlyNamesAreAskedFor) {
  for (const std::string name : {"a", "a.b", "_25._tcp.mx.test", "1.0.0.127.in-addr.arpa", "xn--bcher-kva.example"}) {
    EXPECT_TRUE(is_askable(name)) << name;
  }
  const std::string long_label(64, 'x');
  for (const std::string& name : {""s, "."s, "a."s, ".a"s, "a..b"s, "a b"s, "a\\.b"s, "a\nb"s, "b\xc3\xbc"s, long_label,
                                  std::string(254, 'x'), "a;b"s, "$a"s}) {
    EXPECT_FALSE(is_askable(name)) << name;
  }
}

// ---- the cache ----

DnsAnswer found(std::uint32_t ttl, std::string text = "x") {
  return {.status = Status::found, .records = {DnsRecord{std::move(text)}}, .ttl = ttl};
}

TEST(DnsCache, KeepsAnswersForTheirTimeAndPerType) {
  DnsCache cache{{}};
  const MonotonicTime start{100s};
  cache.keep("a.test", DnsType::txt, found(60), start);
  EXPECT_EQ(cache.find("a.test", DnsType::txt, start + 20s)->ttl, 40U);
  EXPECT_FALSE(cache.find("a.test", DnsType::mx, start));
  EXPECT_FALSE(cache.find("b.test", DnsType::txt, start));
  EXPECT_FALSE(cache.find("a.test", DnsType::txt, start + 60s));
  EXPECT_EQ(cache.size(), 0U) << "what is too old leaves";
}

TEST(DnsCache, KeepsNothingThatMayBeBetterNextTime) {
  DnsCache cache{{}};
  const MonotonicTime now{100s};
  cache.keep("a.test", DnsType::mx, found(0), now);
  cache.keep("b.test", DnsType::mx, {.status = Status::failed, .ttl = 60}, now);
  EXPECT_EQ(cache.size(), 0U);
  cache.keep("c.test", DnsType::mx, found(60), now);
  cache.keep("c.test", DnsType::mx, {.status = Status::failed, .ttl = 60}, now);
  EXPECT_EQ(cache.size(), 0U) << "a newer answer takes the older one's place";
  cache.keep("d.test", DnsType::mx, {.status = Status::no_name, .ttl = 86'400}, now);
  EXPECT_TRUE(cache.find("d.test", DnsType::mx, now + 299s));
  EXPECT_FALSE(cache.find("d.test", DnsType::mx, now + 300s)) << "a name that is made is soon found";
}

TEST(DnsCache, ForgetsTheLeastUsedWhenItsRoomIsUsedUp) {
  DnsCache cache{{.octets = 20'000}};
  const MonotonicTime now{100s};
  cache.keep("kept.test", DnsType::txt, found(60), now);
  for (int i = 0; i < 1'000; ++i) {
    cache.keep(std::to_string(i) + ".test", DnsType::txt, found(60, std::string(300, 'x')), now);
    EXPECT_TRUE(cache.find("kept.test", DnsType::txt, now));
  }
  EXPECT_LT(cache.size(), 50U);
  EXPECT_FALSE(cache.find("0.test", DnsType::txt, now));
  cache.keep("huge.test", DnsType::txt, found(60, std::string(19'000, 'x')), now);
  EXPECT_FALSE(cache.find("huge.test", DnsType::txt, now)) << "one answer does not push out all others";
}

// ---- the resolver ----

class CollectingLog final : public world::Log {
 public:
  void write(world::LogRecord record) override {
    const std::lock_guard lock{mutex_};
    events_.emplace_back(record.event);
  }
  [[nodiscard]] bool takes(world::LogLevel /*level*/) const override { return true; }

 private:
  std::mutex mutex_;
  std::vector<std::string> events_;
};

class Asking {
 public:
  explicit Asking(DnsServiceSettings settings) : service_(make(std::move(settings))) {}

  DnsAnswer ask(const std::string& name, DnsType type, Duration limit = 20s) {
    return run_to_end(*loop_, resolver_.query(name, type, clock_.now() + limit));
  }
  std::string records(const std::string& name, DnsType type) {
    const auto answer = ask(name, type);
    if (answer.status != Status::found)
      return "status " + std::to_string(static_cast<int>(answer.status)) + " " + answer.why;
    std::vector<std::string> texts;
    for (const auto& record : answer.records) texts.push_back(text_of(record));
    std::ranges::sort(texts);
    std::string all;
    for (const auto& text : texts) all += (all.empty() ? "" : ", ") + text;
    return all;
  }
  [[nodiscard]] DnsService& service() { return *service_; }

 private:
  std::unique_ptr<DnsService> make(DnsServiceSettings settings) {
    auto made = DnsService::make(std::move(settings), clock_, log_);
    EXPECT_TRUE(made) << made.error().text;
    return std::move(*made);
  }

  SystemClock clock_;
  CollectingLog log_;
  std::unique_ptr<EventLoop> loop_ = *EventLoop::make(clock_);
  std::unique_ptr<DnsService> service_;
  UnboundResolver resolver_{*loop_, *service_};
};

class DnsLabTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    lab_ = std::make_unique<DnsLab>(std::vector<DnsZone>{
        {.name = ".",
         .records = "ns.lab. A 127.0.0.1\nlocalhost. A 127.0.0.5\ninvalid. A 127.0.0.6\nhost.home.arpa. A 127.0.0.7\n"
                    "9.0.0.10.in-addr.arpa. PTR ten.test.\n9.2.0.192.in-addr.arpa. PTR doc.test.\n"},
        {.name = "test.",
         .records =
             "good MX 10 mx.good\ngood MX 20 mx2.good\nmx.good A 127.0.0.1\nmx.good AAAA ::1\n"
             "good TXT \"v=spf1 \" \"-all\"\nnull MX 0 .\nalias CNAME good\nlost CNAME nowhere\nlooping CNAME looping\n"
             "_25._tcp.mx.good TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
             "wild*card A 127.0.0.1\nodd MX 10 a\\.b.test.\n"},
        {.name = "insecure.test.", .records = "@ MX 10 mx\nmx A 127.0.0.1\n", .kind = DnsZone::Kind::is_unsigned},
        {.name = "bogus.test.",
         .records = "@ MX 10 mx\nmx A 127.0.0.1\n",
         .kind = DnsZone::Kind::is_tampered,
         .find = "127.0.0.1",
         .replace = "127.0.0.9"}});
  }
  static void TearDownTestSuite() { lab_.reset(); }

  static DnsServiceSettings with_anchor() {
    return {.servers = {lab_->server()}, .trust_anchor = lab_->trust_anchor()};
  }
  static DnsServiceSettings without_anchor() { return {.servers = {lab_->server()}, .root_anchors = {}}; }

  static std::unique_ptr<DnsLab> lab_;
};
std::unique_ptr<DnsLab> DnsLabTest::lab_;

TEST_F(DnsLabTest, AnswersEachTypeSecurely) {
  Asking dns{with_anchor()};
  EXPECT_EQ(dns.records("good.test", DnsType::mx), "10 mx.good.test, 20 mx2.good.test");
  EXPECT_EQ(dns.records("MX.Good.Test.", DnsType::a), "127.0.0.1");
  EXPECT_EQ(dns.records("mx.good.test", DnsType::aaaa), "::1");
  EXPECT_EQ(dns.records("good.test", DnsType::txt), "v=spf1 -all");
  EXPECT_EQ(dns.records("null.test", DnsType::mx), "0 ") << "a null MX is an answer: RFC 7505";
  const auto tlsa = dns.ask("_25._tcp.mx.good.test", DnsType::tlsa);
  ASSERT_EQ(tlsa.records.size(), 1U);
  EXPECT_EQ(std::get<world::TlsaRecord>(tlsa.records.at(0)).data.size(), 32U);
  EXPECT_EQ(tlsa.security, DnsSecurity::secure);
  EXPECT_GT(tlsa.ttl, 0U);
  EXPECT_LE(tlsa.ttl, 60U);
}

TEST_F(DnsLabTest, FollowsAliases) {
  Asking dns{with_anchor()};
  const auto answer = dns.ask("alias.test", DnsType::mx);
  EXPECT_EQ(answer.status, Status::found);
  EXPECT_EQ(answer.canonical_name, "good.test");
  EXPECT_EQ(answer.security, DnsSecurity::secure);
  EXPECT_EQ(dns.ask("lost.test", DnsType::mx).status, Status::no_name);
  EXPECT_EQ(dns.ask("looping.test", DnsType::mx).status, Status::failed);
}

TEST_F(DnsLabTest, TellsNoNameFromNoRecords) {
  Asking dns{with_anchor()};
  const auto no_name = dns.ask("nowhere.test", DnsType::mx);
  EXPECT_EQ(no_name.status, Status::no_name);
  EXPECT_EQ(no_name.security, DnsSecurity::secure) << "denial is proved";
  EXPECT_EQ(dns.ask("mx.good.test", DnsType::mx).status, Status::no_records);
  EXPECT_EQ(dns.ask("not a name", DnsType::mx).status, Status::no_name);
}

TEST_F(DnsLabTest, UnsignedIsInsecureAndTamperedIsATemporaryFailure) {
  Asking dns{with_anchor()};
  const auto insecure = dns.ask("insecure.test", DnsType::mx);
  EXPECT_EQ(insecure.status, Status::found);
  EXPECT_EQ(insecure.security, DnsSecurity::insecure);
  const auto bogus = dns.ask("mx.bogus.test", DnsType::a);
  EXPECT_EQ(bogus.status, Status::failed);
  EXPECT_EQ(bogus.security, DnsSecurity::bogus);
  EXPECT_TRUE(bogus.records.empty());
  EXPECT_NE(bogus.why, "");
}

TEST_F(DnsLabTest, TheServersDecideAboutNamesThatLibrariesLikeToAnswerThemselves) {
  for (const auto& settings : {with_anchor(), without_anchor()}) {
    Asking dns{settings};
    EXPECT_EQ(dns.records("localhost", DnsType::a), "127.0.0.5");
    EXPECT_EQ(dns.records("invalid", DnsType::a), "127.0.0.6");
    EXPECT_EQ(dns.records("host.home.arpa", DnsType::a), "127.0.0.7");
    EXPECT_EQ(dns.records("9.0.0.10.in-addr.arpa", DnsType::ptr), "ten.test");
    EXPECT_EQ(dns.records("9.2.0.192.in-addr.arpa", DnsType::ptr), "doc.test");
  }
}

TEST_F(DnsLabTest, AKnownAnswerNeedsNoTime) {
  Asking dns{with_anchor()};
  EXPECT_EQ(dns.ask("mx.good.test", DnsType::a, -1s).status, Status::failed);
  EXPECT_EQ(dns.ask("mx.good.test", DnsType::a).status, Status::found);
  const auto again = dns.ask("mx.good.test", DnsType::a, -1s);
  EXPECT_EQ(again.status, Status::found);
  EXPECT_EQ(again.security, DnsSecurity::secure);
}

TEST_F(DnsLabTest, ARecordThatIsNoNameIsLeftOut) {
  Asking dns{without_anchor()};
  const auto answer = dns.ask("odd.test", DnsType::mx);
  EXPECT_EQ(answer.status, Status::failed);
  EXPECT_NE(answer.why, "");
}

TEST_F(DnsLabTest, WithoutAnAnchorAllIsInsecureAndNothingFails) {
  Asking dns{without_anchor()};
  for (const std::string name : {"mx.good.test", "mx.insecure.test", "mx.bogus.test"}) {
    const auto answer = dns.ask(name, DnsType::a);
    EXPECT_EQ(answer.status, Status::found) << name;
    EXPECT_EQ(answer.security, DnsSecurity::insecure) << name;
  }
}

TEST_F(DnsLabTest, TheSystemsAnchorIsUsedWhereTheServersAgreeWithIt) {
  // "test." is a private name here, so the proof is made with one outside of it.
  auto settings = without_anchor();
  settings.root_anchors = {"/none", lab_->trust_anchor()};
  Asking dns{settings};
  EXPECT_EQ(dns.ask("ns.lab", DnsType::a).security, DnsSecurity::secure);
  EXPECT_EQ(dns.ask("mx.good.test", DnsType::a).security, DnsSecurity::insecure);
  EXPECT_EQ(dns.ask("mx.bogus.test", DnsType::a).status, Status::found);
}

TEST_F(DnsLabTest, AnAnchorThatTheServersDoNotKnowCostsNoMail) {
  const auto file = testing::TempDir() + "posthorn-other-anchor.ds";
  std::ofstream{file} << ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
  auto settings = without_anchor();
  settings.root_anchors = {file};
  Asking dns{settings};
  const auto answer = dns.ask("ns.lab", DnsType::a);
  EXPECT_EQ(answer.status, Status::found) << answer.why;
  EXPECT_EQ(answer.security, DnsSecurity::insecure);
  std::remove(file.c_str());
}

TEST_F(DnsLabTest, AnAnchorThatWasSetAndIsNotThereIsAnError) {
  SystemClock clock;
  CollectingLog log;
  const auto made = DnsService::make({.servers = {}, .trust_anchor = "/none/root.ds"}, clock, log);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, Error::Kind::not_found);
  EXPECT_NE(made.error().text.find("/none/root.ds"), std::string::npos);
}

/// A name server that answers as it is told, on a thread of its own.
class FakeServer {
 public:
  using Answer = std::function<std::string(std::string query)>;  ///< empty: none

  explicit FakeServer(Answer answer) : answer_(std::move(answer)), thread_("fake-dns", [this] { serve(); }) {}
  ~FakeServer() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return std::get<Endpoint>(local_address(socket_.get())); }
  [[nodiscard]] int asked() const { return asked_; }

 private:
  static Descriptor bind_socket() {
    Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const auto address = *SocketAddress::from(*Endpoint::parse("127.0.0.1:0"));
    EXPECT_EQ(::bind(socket.get(), address.get(), address.size()), 0);
    return socket;
  }
  void serve() {
    std::array<pollfd, 2> watched{
        {{.fd = socket_.get(), .events = POLLIN, .revents = 0}, {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
    for (;;) {
      ::poll(watched.data(), watched.size(), -1);
      if (watched[1].revents != 0) return;
      std::array<char, 2'000> query{};
      SocketAddress from;
      const auto got = ::recvfrom(socket_.get(), query.data(), query.size(), 0, from.get(), from.size_to_fill());
      if (got <= 0) continue;
      ++asked_;
      const auto reply = answer_({query.data(), static_cast<std::size_t>(got)});
      if (!reply.empty()) ::sendto(socket_.get(), reply.data(), reply.size(), 0, from.get(), from.size());
    }
  }

  Answer answer_;
  std::atomic<int> asked_ = 0;
  Descriptor socket_ = bind_socket();
  Descriptor stop_{::eventfd(0, EFD_CLOEXEC)};
  Thread thread_;
};

/// The query with its header made a reply of this code.
std::string reply_with_code(std::string query, unsigned code) {
  query[2] = static_cast<char>(0x81);
  query[3] = static_cast<char>(0x80 | code);
  return query;
}

struct BadServerRow {
  std::string name;
  FakeServer::Answer answer;
};
class BadServers : public testing::TestWithParam<BadServerRow> {};
TEST_P(BadServers, AreATemporaryFailureInTime) {
  FakeServer server{GetParam().answer};
  Asking dns{{.servers = {server.endpoint()}, .trust_anchor = {}, .root_anchors = {}}};
  const auto answer = dns.ask("mx.test", DnsType::a, 300ms);
  EXPECT_EQ(answer.status, Status::failed);
  EXPECT_NE(answer.why, "");
  EXPECT_TRUE(answer.records.empty());
}
INSTANTIATE_TEST_SUITE_P(
    All, BadServers,
    testing::Values(BadServerRow{"silent", [](const std::string&) { return std::string{}; }},
                    BadServerRow{"servfail", [](std::string query) { return reply_with_code(std::move(query), 2); }},
                    BadServerRow{"refused", [](std::string query) { return reply_with_code(std::move(query), 5); }},
                    BadServerRow{"rubbish", [](const std::string&) { return std::string(100, 'x'); }},
                    BadServerRow{"one_octet", [](const std::string&) { return std::string{"x"}; }},
                    BadServerRow{"the_query_itself", [](std::string query) { return query; }},
                    BadServerRow{"other_id",
                                 [](std::string query) {
                                   query = reply_with_code(std::move(query), 0);
                                   query[0] = static_cast<char>(query[0] + 1);
                                   return query;
                                 }},
                    BadServerRow{"claims_answers_it_has_not",
                                 [](std::string query) {
                                   query = reply_with_code(std::move(query), 0);
                                   query[6] = '\x7f';
                                   return query;
                                 }}),
    [](const auto& row) { return row.param.name; });

TEST(UnboundResolver, AServerThatComesBackIsAskedAgain) {
  std::atomic<bool> is_up = false;
  FakeServer server{[&](std::string query) { return is_up ? reply_with_code(std::move(query), 3) : std::string{}; }};
  Asking dns{{.servers = {server.endpoint()}, .trust_anchor = {}, .root_anchors = {}}};
  EXPECT_EQ(dns.ask("first.test", DnsType::a, 100ms).status, Status::failed);
  is_up = true;
  EXPECT_EQ(dns.ask("second.test", DnsType::a).status, Status::no_name);
}

TEST(UnboundResolver, ATrialOfValidationThatGetsNoAnswerEndsInTime) {
  const auto file = testing::TempDir() + "posthorn-silent-anchor.ds";
  std::ofstream{file} << ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n";
  constexpr char type_dnskey = 48;
  FakeServer server{[](std::string query) {
    const auto type_at = query.find('\0', 12) + 2;
    return query.at(type_at) == type_dnskey ? std::string{} : reply_with_code(std::move(query), 3);
  }};
  Asking dns{{.servers = {server.endpoint()}, .trust_anchor = {}, .root_anchors = {file}, .trial_limit = 50ms}};
  EXPECT_EQ(dns.ask("mx.example.com", DnsType::a).status, Status::no_name);
  std::remove(file.c_str());
}

TEST(UnboundResolver, WhatIsNoNameIsNotAskedFor) {
  FakeServer server{[](std::string query) { return reply_with_code(std::move(query), 2); }};
  Asking dns{{.servers = {server.endpoint()}, .trust_anchor = {}, .root_anchors = {}}};
  EXPECT_EQ(dns.ask("not a name", DnsType::a).status, Status::no_name);
  EXPECT_EQ(server.asked(), 0);
}

TEST(UnboundResolver, ManyQuestionsAtOnceAreAllAnswered) {
  FakeServer server{[](std::string query) { return reply_with_code(std::move(query), 3); }};
  SystemClock clock;
  CollectingLog log;
  const auto loop = *EventLoop::make(clock);
  const auto service =
      *DnsService::make({.servers = {server.endpoint()}, .trust_anchor = {}, .root_anchors = {}}, clock, log);
  UnboundResolver resolver{*loop, *service};
  constexpr int questions = 300;
  int answered = 0;
  world::TaskGroup group;
  for (int i = 0; i < questions; ++i) {
    group.start(
        [](UnboundResolver& from, std::string name, MonotonicTime until, int& count, EventLoop& on) -> world::Task<> {
          const auto answer = co_await from.query(std::move(name), DnsType::mx, until);
          EXPECT_EQ(answer.status, Status::no_name) << answer.why;
          if (++count == questions) on.stop();
        }(resolver, "name" + std::to_string(i) + ".test", clock.now() + 60s, answered, *loop));
  }
  loop->run();
  EXPECT_EQ(answered, questions);
}

}  // namespace
}  // namespace posthorn::system
