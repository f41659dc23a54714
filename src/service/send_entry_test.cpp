#include "service/send_entry.hpp"

#include <gtest/gtest.h>

#include <array>

namespace posthorn::service {
namespace {

using namespace std::chrono_literals;

SendEntry an_entry() {
  SendEntry entry;
  entry.id = "abc234";
  entry.sender = *mail::Address::parse("alice@example.org");
  entry.recipients.push_back(
      {*mail::Address::parse("\"b o b\"@example.test"), SendEntry::Recipient::State::refused, "550 no"});
  entry.recipients.push_back({*mail::Address::parse("carol@example.test"), SendEntry::Recipient::State::waiting, ""});
  entry.subject = "a \"quoted\"\nsubject";
  entry.host = "mx.example.test";
  entry.port = 2525;
  entry.tls = ClientTls::require;
  entry.hello_name = "here.example.org";
  entry.retry_after = 90s;
  entry.expire = 2h;
  entry.age = 1500ms;
  entry.next_attempt = WallTime{5s};
  return entry;
}

TEST(SendEntry, comes_back_as_it_was_written) {
  const auto text = written(an_entry());
  const auto read = parse_send_entry(text);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(written(*read), text);
  EXPECT_EQ(read->recipients.front().address.local_part(), "b o b");
  EXPECT_EQ(read->retry_after, Duration{90s});
  EXPECT_FALSE(read->timeout);
}

TEST(SendEntry, keeps_names_that_are_no_utf8) {
  auto entry = an_entry();
  entry.user = "\xe4lice";
  entry.password_file = "/var/lib/alice/p\xe4ssword";
  entry.host = "m\xfcnchen.test";
  const auto read = parse_send_entry(written(entry));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->user, entry.user);
  EXPECT_EQ(read->password_file, entry.password_file);
  EXPECT_EQ(read->host, entry.host);
}

TEST(SendEntry, of_an_older_version_is_for_a_server_far_away) {
  auto text = written(an_entry());
  const std::string_view member = "  \"via_queue\": false,\n";
  text.erase(text.find(member), member.size());
  const auto read = parse_send_entry(text);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_FALSE(read->via_queue);
}

TEST(SendEntry, that_is_damaged_is_refused_and_named) {
  EXPECT_FALSE(parse_send_entry(""));
  EXPECT_FALSE(parse_send_entry("[]"));
  EXPECT_FALSE(parse_send_entry("null"));
  const auto whole = written(an_entry());
  for (std::size_t cut = 0; cut + 2 < whole.size(); ++cut) EXPECT_FALSE(parse_send_entry(whole.substr(0, cut))) << cut;
  const std::array<std::pair<std::string_view, std::string_view>, 6> changes{{{"\"abc234\"", "\"../x\""},
                                                                              {"2525", "70000"},
                                                                              {"\"require\"", "\"maybe\""},
                                                                              {"carol@example.test", "carol"},
                                                                              {"\"refused\"", "7"},
                                                                              {"\"version\": 1", "\"version\": 2"}}};
  for (const auto& [from, to] : changes) {
    auto changed = whole;
    changed.replace(changed.find(from), from.size(), to);
    EXPECT_FALSE(parse_send_entry(changed)) << to;
  }
}

}  // namespace
}  // namespace posthorn::service
