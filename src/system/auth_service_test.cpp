#include "system/auth_service.hpp"

#include "base/base64.hpp"
#include "system/password_hash.hpp"

#include <gsasl.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace posthorn::system {
namespace {

using Kind = world::AuthAnswer::Kind;

class TestBook final : public VerifierBook {
 public:
  std::map<std::string, std::string, std::less<>> hashes;

  Entry find(std::string_view name, bool for_scram) override {
    const auto found = hashes.find(name);
    const bool fits = found != hashes.end() && (!for_scram || scram_verifier_of(Secret(found->second)));
    if (fits) return {found->first, Secret(found->second), false};
    return {{}, hash_password(Secret("of nobody"), HashScheme::scram_sha_256).value(), true};
  }
  bool has_scram() override { return true; }
};

/// Another's client: libgsasl's own.
class Client {
 public:
  Client(std::string mechanism, std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {
    ::gsasl_init(&context_);
    ::gsasl_callback_set(context_, [](Gsasl*, Gsasl_session*, Gsasl_property) -> int { return GSASL_NO_CALLBACK; });
    ::gsasl_client_start(context_, mechanism.c_str(), &session_);
    set(GSASL_AUTHID, user_);
    set(GSASL_PASSWORD, password_);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    ::gsasl_finish(session_);
    ::gsasl_done(context_);
  }
  void set(Gsasl_property property, const std::string& value) {
    static_cast<void>(::gsasl_property_set(session_, property, value.c_str()));
  }
  int step(const std::string& in, std::string& out) {
    char* made = nullptr;
    std::size_t size = 0;
    const int code = ::gsasl_step(session_, in.data(), in.size(), &made, &size);
    out = made == nullptr ? std::string{} : std::string(made, size);
    ::gsasl_free(made);
    return code;
  }

 private:
  std::string user_;
  std::string password_;
  Gsasl* context_ = nullptr;
  Gsasl_session* session_ = nullptr;
};

class Service : public ::testing::Test {
 protected:
  TestBook book;
  BookSource source{book};
  AuthService service{{&source}, &book};
  std::vector<std::string> claims;

  void SetUp() override {
    book.hashes["alice"] = hash_password(Secret("sesame"), HashScheme::scram_sha_256).value().reveal();
    book.hashes["bob"] = "{PLAIN}hunter2";
  }

  world::AuthAnswer go_on(AuthConversation& conversation, world::AuthAnswer answer) {
    if (answer.kind != Kind::claim) return answer;
    claims.push_back(answer.text);
    return conversation.proceed();
  }

  /// The whole exchange. `initial`: the client speaks first.
  world::AuthAnswer talk(Client& client, const world::AuthStart& start, bool initial) {
    AuthConversation conversation(service, start);
    std::string words;
    world::AuthAnswer answer{Kind::challenge, {}};
    std::optional<Secret> response;
    if (initial) {
      client.step({}, words);
      response.emplace(words);
    }
    answer = go_on(conversation, conversation.respond(response));
    while (answer.kind == Kind::challenge) {
      const int code = client.step(answer.text, words);
      if (code != GSASL_OK && code != GSASL_NEEDS_MORE) return {Kind::trouble, ::gsasl_strerror_name(code)};
      answer = go_on(conversation, conversation.respond(Secret(words)));
    }
    return answer;
  }
  world::AuthAnswer talk(const std::string& mechanism, const std::string& user, const std::string& password,
                         bool initial = true) {
    Client client(mechanism, user, password);
    return talk(client, {.mechanism = mechanism}, initial);
  }
};

TEST_F(Service, EachMechanismKnowsTheRightPassword) {
  for (const auto* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    for (const bool initial : {true, false}) {
      if (initial && std::string(mechanism) == "LOGIN") continue;  // libgsasl's client of it waits
      const auto answer = talk(mechanism, "alice", "sesame", initial);
      EXPECT_EQ(answer.kind, Kind::success) << mechanism << " " << answer.text;
      EXPECT_EQ(answer.text, "alice") << mechanism;
    }
  }
  for (const auto& claim : claims) EXPECT_EQ(claim, "alice");
  EXPECT_EQ(claims.size(), 5U);
}

TEST_F(Service, NoneKnowsAWrongOne) {
  for (const auto* mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
    const bool initial = std::string(mechanism) != "LOGIN";
    EXPECT_EQ(talk(mechanism, "alice", "Sesame", initial).kind, Kind::failure) << mechanism;
    EXPECT_EQ(talk(mechanism, "nobody", "sesame", initial).kind, Kind::failure) << mechanism;
    EXPECT_EQ(talk(mechanism, "nobody", "of nobody", initial).kind, Kind::failure) << mechanism;
  }
}

TEST_F(Service, ScramNeedsAVerifier) {
  EXPECT_EQ(talk("PLAIN", "bob", "hunter2").kind, Kind::success);
  EXPECT_EQ(talk("SCRAM-SHA-256", "bob", "hunter2").kind, Kind::failure);
}

TEST_F(Service, LoginTakesTheNameWithTheCommand) {
  AuthConversation conversation(service, {.mechanism = "LOGIN"});
  const auto prompt = conversation.respond(Secret("alice"));
  EXPECT_EQ(prompt.kind, Kind::challenge);
  EXPECT_EQ(prompt.text, "Password:");
  EXPECT_EQ(go_on(conversation, conversation.respond(Secret("sesame"))).kind, Kind::success);
}

TEST_F(Service, LoginPromptsAsClientsExpect) {
  AuthConversation conversation(service, {.mechanism = "LOGIN"});
  EXPECT_EQ(conversation.respond(std::nullopt).text, "Username:");
  EXPECT_EQ(conversation.respond(Secret("alice")).text, "Password:");
}

// RFC 4616 §2, RFC 5802 §5.1: the authorization identity.
TEST_F(Service, NobodyActsForAnother) {
  AuthConversation plain(service, {.mechanism = "PLAIN"});
  EXPECT_EQ(plain.respond(Secret(std::string("bob\0alice\0sesame", 16))).kind, Kind::failure);
  AuthConversation same(service, {.mechanism = "PLAIN"});
  EXPECT_EQ(same.respond(Secret(std::string("alice\0alice\0sesame", 18))).kind, Kind::claim);
  Client client("SCRAM-SHA-256", "alice", "sesame");
  client.set(GSASL_AUTHZID, "bob");
  EXPECT_EQ(talk(client, {.mechanism = "SCRAM-SHA-256"}, true).kind, Kind::failure);
}

TEST_F(Service, ChannelBindingHoldsTheTwoEndsTogether) {
  const std::string binding(32, 'b');
  const auto with = [&](const std::string& of_client) {
    Client client("SCRAM-SHA-256-PLUS", "alice", "sesame");
    client.set(GSASL_CB_TLS_EXPORTER, base64::encode(of_client));
    return talk(client, {.mechanism = "SCRAM-SHA-256-PLUS", .exporter_binding = binding}, true).kind;
  };
  EXPECT_EQ(with(binding), Kind::success);
  EXPECT_EQ(with(std::string(32, 'x')), Kind::failure);
}

TEST_F(Service, TheUniqueBindingOfTls12ServesToo) {
  const std::string binding(12, 'u');
  Client client("SCRAM-SHA-256-PLUS", "alice", "sesame");
  client.set(GSASL_CB_TLS_UNIQUE, base64::encode(binding));
  EXPECT_EQ(talk(client, {.mechanism = "SCRAM-SHA-256-PLUS", .unique_binding = binding}, true).kind, Kind::success);
}

// RFC 5802 §6: "y" says that the client could bind and believes that we cannot. We said that we can: somebody took it out.
TEST_F(Service, AStrippedOfferOfChannelBindingIsFoundOut) {
  AuthConversation conversation(service, {.mechanism = "SCRAM-SHA-256", .exporter_binding = std::string(32, 'b')});
  EXPECT_EQ(go_on(conversation, conversation.respond(Secret("y,,n=alice,r=abcdefghijklmnop"))).kind, Kind::failure);
}

TEST_F(Service, GarbageFails) {
  for (const auto* mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"}) {
    for (const auto& words :
         {std::string("x"), std::string(3, '\0'), std::string(12'000, 'x'), std::string(20'000, 'x'),
          std::string("\0\0", 2), std::string("n,,n=,r="), std::string("n,,n=alice")}) {
      AuthConversation conversation(service, {.mechanism = mechanism});
      EXPECT_EQ(conversation.respond(Secret(words)).kind, Kind::failure) << mechanism << " " << words.size();
    }
  }
}

TEST_F(Service, AfterTheEndThereIsNothing) {
  AuthConversation conversation(service, {.mechanism = "PLAIN"});
  EXPECT_EQ(conversation.proceed().kind, Kind::failure);
  EXPECT_EQ(conversation.respond(Secret(std::string("\0alice\0sesame", 13))).kind, Kind::failure);
}

TEST_F(Service, AnEmptyAnswerIsNoPassword) {
  AuthConversation conversation(service, {.mechanism = "PLAIN"});
  EXPECT_EQ(conversation.respond(std::nullopt).kind, Kind::challenge);
  EXPECT_EQ(conversation.respond(Secret()).kind, Kind::failure);
}

TEST_F(Service, OtherMechanismsAreNoneOfOurs) {
  for (const auto* mechanism : {"CRAM-MD5", "ANONYMOUS", "EXTERNAL", "GSSAPI", ""}) {
    AuthConversation conversation(service, {.mechanism = mechanism});
    EXPECT_EQ(conversation.respond(Secret("alice")).kind, Kind::trouble) << mechanism;
  }
}

class FixedSource final : public PasswordSource {
 public:
  explicit FixedSource(PasswordVerdict verdict) : verdict_(std::move(verdict)) {}
  PasswordVerdict check(const PasswordQuestion&) override {
    ++asked;
    return verdict_;
  }
  int asked = 0;

 private:
  PasswordVerdict verdict_;
};

Kind ask(std::vector<PasswordSource*> sources) {
  AuthService service(std::move(sources), nullptr);
  AuthConversation conversation(service, {.mechanism = "PLAIN"});
  EXPECT_EQ(conversation.respond(Secret(std::string("\0alice\0sesame", 13))).kind, Kind::claim);
  return conversation.proceed().kind;
}

TEST(AuthSources, AreAskedInTurnUntilOneSaysYes) {
  FixedSource no({});
  FixedSource yes({PasswordVerdict::Kind::right, "alice"});
  FixedSource broken({PasswordVerdict::Kind::trouble, "it is away"});
  EXPECT_EQ(ask({&no, &yes, &broken}), Kind::success);
  EXPECT_EQ(broken.asked, 0);
  EXPECT_EQ(ask({&broken, &yes}), Kind::success);
  EXPECT_EQ(ask({&no, &no}), Kind::failure);
  EXPECT_EQ(ask({&no, &broken}), Kind::trouble);
  EXPECT_EQ(ask({&broken, &no}), Kind::trouble);
}

}  // namespace
}  // namespace posthorn::system
