#include "store/spool_record.hpp"

#include <gtest/gtest.h>

namespace posthorn::store {
namespace {

using namespace std::chrono_literals;

RecipientState deferred() {
  RecipientState state;
  state.attempts = 3;
  state.ambiguous = 1;
  state.warned = true;
  state.next_attempt = WallTime{100s};
  state.changed = WallTime{90s};
  state.age = 4000s;
  state.status_code = "4.2.2";
  state.reply = "452 4.2.2 full";
  state.remote_host = "mx.example.net";
  state.report = MessageId{77};
  return state;
}

MessageFacts message() {
  MessageFacts facts;
  facts.arrival = WallTime{1'790'000'000s + 5us};
  facts.octets = 130'000;
  facts.body_file = BodyFacts{129'000, 65'536, {1, 2}};
  facts.states = {RecipientState{}, deferred()};
  facts.delivery_name = {1'790'000'000, 5, 4711, 12, "mx.example.org"};
  facts.origin = {Origin::Door::submission, "alice", "192.0.2.1:4000", "s1"};
  facts.envelope.sender = *mail::Address::parse("\"a b\"@example.org");
  facts.envelope.recipients = {{*mail::Address::parse("bob@example.net"), {.success = true, .delay = true}, {}},
                               {*mail::Address::parse("carol@[192.0.2.7]"),
                                {.never = true},
                                mail::OriginalRecipient{"rfc822", "carol@old.example"}}};
  facts.envelope.body = mail::BodyType::eight_bit;
  facts.envelope.require_tls = true;
  facts.envelope.return_content = mail::ReturnContent::headers;
  facts.envelope.envelope_id = "QQ314159";
  facts.envelope.declared_size = 131'072;
  facts.envelope.submitter = "";
  return facts;
}

SettlementFacts settlement() { return {MessageId{5}, {true, {3, 9}, {{1, deferred()}}}}; }

std::string octets_of(const MessageFacts& facts, const SettlementFacts* settles) {
  ByteWriter out;
  put_message(out, facts);
  put_settlement(out, settles);
  return out.take();
}

void expect_equal(const MessageFacts& read, const MessageFacts& wanted) {
  EXPECT_EQ(read.arrival, wanted.arrival);
  EXPECT_EQ(read.octets, wanted.octets);
  EXPECT_EQ(read.body_file, wanted.body_file);
  EXPECT_EQ(read.states, wanted.states);
  EXPECT_EQ(read.delivery_name, wanted.delivery_name);
  EXPECT_EQ(read.origin, wanted.origin);
  EXPECT_EQ(read.envelope, wanted.envelope);
}

TEST(SpoolRecord, AMessageIsReadBack) {
  const auto settles = settlement();
  const auto read = read_message(octets_of(message(), &settles));
  ASSERT_TRUE(read) << read.error().text;
  expect_equal(read->message, message());
  EXPECT_EQ(read->settles, settles);
}

TEST(SpoolRecord, AMessageWithTheNullSenderAndNothingElseIsReadBack) {
  MessageFacts bounce;
  bounce.states.resize(1);
  bounce.envelope.recipients = {{*mail::Address::parse("a@example.org"), {}, {}}};
  const auto read = read_message(octets_of(bounce, nullptr));
  ASSERT_TRUE(read) << read.error().text;
  expect_equal(read->message, bounce);
  EXPECT_FALSE(read->settles);
}

TEST(SpoolRecord, TheBriefHoldsWhatTheIndexWants) {
  const auto settles = settlement();
  const auto read = read_message_brief(octets_of(message(), &settles));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->message.arrival, message().arrival);
  EXPECT_EQ(read->message.octets, 130'000U);
  EXPECT_TRUE(read->message.has_body_file);
  ASSERT_EQ(read->message.recipients.size(), 2U);
  EXPECT_EQ(read->message.recipients[1].attempts, 3);
  EXPECT_EQ(read->message.recipients[1].next_attempt, WallTime{100s});
  EXPECT_TRUE(read->message.recipients[1].warned);
  EXPECT_EQ(read->settles, settles);
}

TEST(SpoolRecord, OutcomesAreReadBack) {
  const OutcomeFacts facts{false, {}, {{0, RecipientState{}}, {7, deferred()}}};
  ByteWriter out;
  put_outcomes(out, facts);
  EXPECT_EQ(read_outcomes(out.view()), facts);
}

TEST(SpoolRecord, FactsThatAreCutOrHaveMoreBehindThemAreCorrupt) {
  const auto settles = settlement();
  const auto octets = octets_of(message(), &settles);
  for (std::size_t size = 0; size < octets.size(); ++size) {
    EXPECT_FALSE(read_message(octets.substr(0, size))) << size;
    EXPECT_FALSE(read_message_brief(octets.substr(0, size))) << size;
  }
  EXPECT_FALSE(read_message(octets + '\0'));
  EXPECT_FALSE(read_message_brief(octets + '\0'));
}

TEST(SpoolRecord, FactsThatContradictThemselvesAreCorrupt) {
  auto lacking = message();
  lacking.states.pop_back();
  EXPECT_FALSE(read_message(octets_of(lacking, nullptr))) << "a recipient without a state";
  auto nobody = message();
  nobody.states.clear();
  nobody.envelope.recipients.clear();
  EXPECT_FALSE(read_message(octets_of(nobody, nullptr))) << "no recipient";
  auto body = message();
  body.body_file->checksums.push_back(3);
  EXPECT_FALSE(read_message(octets_of(body, nullptr))) << "a checksum without a block";
}

TEST(SpoolRecord, AChangedOctetNeverLeadsOutsideTheFacts) {
  const auto settles = settlement();
  const auto octets = octets_of(message(), &settles);
  for (std::size_t at = 0; at < octets.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      auto changed = octets;
      changed[at] = value;
      (void)read_message(changed);
      (void)read_message_brief(changed);
      (void)read_outcomes(changed);
    }
  }
}

TEST(RecipientState, FinalMeansNothingIsLeftToDo) {
  struct Row {
    const char* name;
    RecipientState state;
    bool final;
  };
  for (const auto& [name, state, final] : {
           Row{"queued", {}, false},
           Row{"held", {.status = RecipientStatus::held}, false},
           Row{"delivered", {.status = RecipientStatus::delivered}, true},
           Row{"delivered, the sender wants to know",
               {.status = RecipientStatus::delivered, .report_due = true},
               false},
           Row{"failed, to be reported", {.status = RecipientStatus::failed, .report_due = true}, false},
           Row{"failed and reported", {.status = RecipientStatus::failed}, true},
           Row{"removed", {.status = RecipientStatus::removed}, true},
       }) {
    EXPECT_EQ(state.is_final(), final) << name;
  }
}

}  // namespace
}  // namespace posthorn::store
