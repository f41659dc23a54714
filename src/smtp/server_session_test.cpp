// What the driver relies on. Conversations stand in tests/dialogs/server/.
#include "smtp/server_session.hpp"

#include "smtp/standard_replies.hpp"
#include "support/memory_reception.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace posthorn::smtp {
namespace {

using State = ServerSession::State;
using testing::MemoryReception;

ServerSettings settings() { return {.hostname = "mx.example.org", .postmaster = {}, .auth_mechanisms = {}}; }

std::shared_ptr<const ServerSettings> shared(ServerSettings given = settings()) {
  return std::make_shared<const ServerSettings>(std::move(given));
}

/// Takes the next effect, which must be of this type.
template <class Wanted>
Wanted take(ServerSession& session) {
  auto effect = session.next();
  EXPECT_TRUE(std::holds_alternative<Wanted>(effect)) << effect.index();
  return std::get<Wanted>(std::move(effect));
}

// PERFORMANCE: memory per idle session.
TEST(ServerSession, IsSmall) { EXPECT_LT(sizeof(ServerSession), 700U) << sizeof(ServerSession); }

TEST(ServerSession, WantsNoInputBeforeTheGreetingIsOnItsWay) {
  ServerSession session(shared());
  EXPECT_FALSE(session.wants_input());
  session.start();
  EXPECT_FALSE(session.wants_input());
  EXPECT_EQ(take<SendReply>(session).reply.code(), 220U);
  take<Wait>(session);
  EXPECT_TRUE(session.wants_input());
}

TEST(ServerSession, StopsAtAQuestionAndGoesOnBehindIt) {
  ServerSession session(shared());
  session.start();
  take<SendReply>(session);
  {
    const auto lent =
        std::make_unique<std::string>("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\n");
    session.receive(*lent);
    EXPECT_EQ(take<SendReply>(session).reply.code(), 250U);
    EXPECT_EQ(take<AskSender>(session).envelope.get().sender->to_string(), "a@b.example");
  }
  // What was lent is gone.
  EXPECT_TRUE(session.is_busy());
  EXPECT_FALSE(session.wants_input());
  take<Wait>(session);
  take<Wait>(session);
  session.accept();
  EXPECT_EQ(take<SendReply>(session).reply.to_string(), replies::sender_ok().to_string());
  EXPECT_EQ(session.state(), State::mail_started);
  EXPECT_EQ(take<AskRecipient>(session).recipient.get().address.to_string(), "c@d.example");
  session.accept({251, {2, 1, 5}, "Will forward"});
  EXPECT_EQ(take<SendReply>(session).reply.code(), 251U);
  EXPECT_EQ(session.state(), State::rcpt_received);
  EXPECT_EQ(session.envelope()->recipients.size(), 1U);
  EXPECT_EQ(take<SendReply>(session).reply.code(), 250U);
  EXPECT_EQ(session.state(), State::init);
  EXPECT_EQ(session.envelope(), nullptr);
  take<Wait>(session);
  EXPECT_TRUE(session.wants_input());
}

TEST(ServerSession, MessageTextIsHandedOnUncopied) {
  MemoryReception server(settings());
  server.session().start();
  server.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
  auto& session = server.session();
  EXPECT_EQ(session.state(), State::data_receiving);
  EXPECT_TRUE(session.is_reading_data());
  const std::string text = "Subject: x\r\n\r\nbody\r\n";
  session.receive(text);
  const auto piece = take<MessageBytes>(session);
  EXPECT_EQ(piece.bytes, text);
  EXPECT_EQ(piece.bytes.data(), text.data());
}

TEST(ServerSession, TheEnvelopeMayBeMovedAwayAtTheEnd) {
  MemoryReception server(settings());
  server.session().start();
  server.send(
      "EHLO c\r\nMAIL FROM:<a@b.example> BODY=8BITMIME SIZE=7\r\nRCPT TO:<c@d.example> "
      "NOTIFY=NEVER\r\nDATA\r\ntext\r\n.\r\n");
  ASSERT_EQ(server.stored().size(), 1U);
  const auto& [envelope, text] = server.stored().front();
  EXPECT_EQ(envelope.body, mail::BodyType::eight_bit);
  EXPECT_EQ(envelope.declared_size, 7U);
  EXPECT_TRUE(envelope.recipients.front().notify.never);
  EXPECT_EQ(text, "text\r\n");
}

TEST(ServerSession, FactsAreForTheTraceFieldAndTheLog) {
  MemoryReception server(settings());
  auto& session = server.session();
  session.note_early_talk();
  session.start({.encrypted = true});
  server.send("EHLO client.example\r\n");
  server.send("NOPE\r\n");
  server.send("NOOP\r\n");
  server.send("MAIL FROM:<a@b.example> SMTPUTF8\r\n");
  const auto& facts = session.facts();
  EXPECT_EQ(facts.hello, "client.example");
  EXPECT_TRUE(facts.extended);
  EXPECT_TRUE(facts.talked_early);
  EXPECT_FALSE(facts.pipelined_unasked);
  EXPECT_EQ(facts.commands, 4U);
  EXPECT_EQ(facts.errors, 1U);
  EXPECT_EQ(facts.junk_commands, 2U);
  EXPECT_EQ(facts.transactions, 1U);
  EXPECT_EQ(session.transmission_type().keyword(), "UTF8SMTPS");
}

TEST(ServerSession, PipeliningThatWasNotOfferedIsNoted) {
  struct Row {
    const char* name;
    const char* bytes;
    bool noted;
  };
  for (const auto& [name, bytes, noted] : {
           Row{"before EHLO", "NOOP\r\nEHLO c\r\n", true},
           Row{"behind EHLO", "EHLO c\r\nMAIL FROM:<a@b.example>\r\n", true},
           Row{"after HELO", "HELO c\r\n", false},
           Row{"one command", "EHLO c\r\n", false},
       }) {
    MemoryReception server(settings());
    server.session().start();
    server.send(bytes);
    EXPECT_EQ(server.session().facts().pipelined_unasked, noted) << name;
  }
  MemoryReception server(settings());
  server.session().start();
  server.send("EHLO c\r\n");
  server.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\nQUIT\r\n");
  EXPECT_FALSE(server.session().facts().pipelined_unasked);
}

TEST(ServerSession, ALostConnectionDropsWhatWasBegunAndSaysNothing) {
  for (const auto* bytes : {"", "EHLO c\r\nMAIL FROM:<a@b.exam",
                            "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nhalf",
                            "EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nBDAT 10\r\nhalf"}) {
    MemoryReception server(settings());
    server.session().start();
    server.send(bytes);
    const auto said = server.replies().size();
    server.session().end_of_stream();
    server.run();
    EXPECT_TRUE(server.is_closed()) << bytes;
    EXPECT_FALSE(server.holds_message()) << bytes;
    EXPECT_EQ(server.replies().size(), said) << bytes;
    EXPECT_FALSE(server.session().wants_input()) << bytes;
  }
}

TEST(ServerSession, ALostConnectionVoidsTheOpenQuestion) {
  ServerSession session(shared());
  session.start();
  take<SendReply>(session);
  session.receive("EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
  take<SendReply>(session);
  take<AskSender>(session);
  session.end_of_stream();
  EXPECT_FALSE(session.is_busy());
  take<Close>(session);
  take<Wait>(session);
  session.end_of_stream();
  take<Wait>(session);
}

TEST(ServerSession, EventsAfterTheEndChangeNothing) {
  MemoryReception server(settings());
  server.session().start();
  server.send("QUIT\r\nNOOP\r\n");
  ASSERT_TRUE(server.is_closed());
  server.session().shut_down(ServerSession::Shutdown::at_once);
  server.session().end_of_stream();
  server.run();
  EXPECT_EQ(server.replies().size(), 2U);
}

TEST(ServerSession, AMessageFailedBetweenChunksIsToldToTheNextOne) {
  MemoryReception server(settings());
  server.session().start();
  server.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nBDAT 3\r\na\r\n");
  static_cast<void>(server.take_output());
  ASSERT_EQ(server.session().state(), State::data_receiving);
  server.fail_message(replies::out_of_space());
  EXPECT_EQ(server.take_output(), "") << "nobody asked";
  server.send("BDAT 3 LAST\r\nb\r\nNOOP\r\n");
  EXPECT_EQ(server.take_output(), replies::out_of_space().to_string() + replies::ok().to_string());
  EXPECT_EQ(server.session().state(), State::init);
  EXPECT_TRUE(server.stored().empty());
}

// A channel that is not TLS has no use for mechanisms that need it; require_tls keeps all of them back.
TEST(ServerSession, AuthIsOfferedAsTheChannelAllows) {
  auto given = settings();
  given.auth_mechanisms = {{.name = "PLAIN"},
                           {.name = "SCRAM-SHA-256", .needs_encryption = false},
                           {.name = "SCRAM-SHA-256-PLUS", .needs_channel_binding = true}};
  struct Row {
    const char* name;
    Channel channel;
    bool require_tls;
    const char* offered;
  };
  for (const auto& [name, channel, require_tls, offered] : {
           Row{"in the clear", {}, false, "-AUTH SCRAM-SHA-256\r\n"},
           Row{"in the clear, TLS required", {}, true, nullptr},
           Row{"TLS", {.encrypted = true}, true, "-AUTH PLAIN SCRAM-SHA-256\r\n"},
           Row{"TLS with binding",
               {.encrypted = true, .has_binding = true},
               true,
               "-AUTH PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r\n"},
       }) {
    given.require_tls = require_tls;
    MemoryReception server(given);
    server.session().start(channel);
    server.send("EHLO c\r\n");
    const auto output = server.take_output();
    if (offered != nullptr) {
      EXPECT_NE(output.find(offered), std::string::npos) << name << output;
    } else {
      EXPECT_EQ(output.find("AUTH"), std::string::npos) << name << output;
    }
  }
}

using ServerSessionDeathTest = ::testing::Test;

TEST(ServerSessionDeathTest, ADriverThatBreaksTheContractIsABug) {
  EXPECT_DEATH(
      {
        ServerSession session(shared());
        session.receive("NOOP\r\n");
      },
      "only while they are wanted");
  EXPECT_DEATH(
      {
        ServerSession session(shared());
        session.start();
        session.accept();
      },
      "usual answer");
  EXPECT_DEATH(
      {
        ServerSession session(shared());
        session.start();
        session.start();
      },
      "greeted once");
}

}  // namespace
}  // namespace posthorn::smtp
