#include "system/password_hash.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::system {
namespace {

struct Row {
  const char* name;
  const char* hash;
  const char* password;
};

// Made by others: Python's crypt, hashlib and hmac, and the reference program of Argon2.
constexpr Row known[] = {
    {"SHA-512 crypt",
     "{SHA512-CRYPT}$6$rounds=1000$abcdefgh$1WhD5NSPfUW3vvjZt0oAl77wZvqZB/"
     "nJcOoNyFB4UHH98F.JCFg5bmMLyU4dXf5WU9tCX9pTKt8vIYOpqoRCm0",
     "sesame"},
    {"bcrypt", "{BLF-CRYPT}$2b$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW", "sesame"},
    {"yescrypt", "{CRYPT}$y$j75$abcdefgh$vd9GBZ0X.Wgh3dsxBvCnIOYDItsueGfttJXG763.dDA", "sesame"},
    {"without braces", "$y$j75$abcdefgh$vd9GBZ0X.Wgh3dsxBvCnIOYDItsueGfttJXG763.dDA", "sesame"},
    {"SHA-256 crypt", "{SHA256-CRYPT}$5$abcdefgh$4PbtPZdUc33o7LmNsM4HTsjYbIhyCeh4aCe.rEbHkq1", "sesame"},
    {"MD5 crypt", "{MD5-CRYPT}$1$abcdefgh$5XhrJpGu.bBXAZh4lT8oY/", "sesame"},
    {"DES crypt", "{DES-CRYPT}abnqrLigH.z/s", "sesame"},
    {"SCRAM",
     "{SCRAM-SHA-256}4096,MDEyMzQ1Njc4OWFiY2RlZg==,hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=,"
     "VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI=",
     "sesame"},
    {"salted SHA-512",
     "{SSHA512}3SZEkznrPJ3hvjP2JJdq2kvnRZNUATayoNYSMv8Hr6QK4+vtARSCY8CuwSNh6A0jFlwHXlYE+XAiavpL7V97CXNhbHQ=", "sesame"},
    {"SHA-256 in hexadecimal", "{SHA256.hex}d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272",
     "sesame"},
    {"Argon2id", "{ARGON2ID}$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
     "password"},
    {"as typed", "{PLAIN}sesame", "sesame"},
    {"as typed, in base64", "{PLAIN.b64}c2VzYW1l", "sesame"},
    {"as typed, in hexadecimal", "{CLEARTEXT.HEX}736573616d65", "sesame"},
    {"lower case scheme", "{plain}sesame", "sesame"},
};

class KnownHash : public testing::TestWithParam<Row> {};
INSTANTIATE_TEST_SUITE_P(All, KnownHash, testing::ValuesIn(known),
                         [](const auto& row) { return "row" + std::to_string(row.index); });

TEST_P(KnownHash, IsMatchedByItsPasswordOnly) {
  const Secret hash{std::string(GetParam().hash)};
  EXPECT_TRUE(is_usable_hash(hash)) << GetParam().name;
  EXPECT_TRUE(is_password_of(hash, Secret(std::string(GetParam().password)))) << GetParam().name;
  for (const auto* wrong : {"Sesame", "sesame ", "", "sesam"}) {
    EXPECT_FALSE(is_password_of(hash, Secret(std::string(wrong)))) << GetParam().name << ": " << wrong;
  }
}

TEST(PasswordHash, OfNoUseMatchesNothing) {
  for (const auto* text :
       {"", "*", "!", "{CRYPT}", "{CRYPT}*", "{CRYPT}!$6$abcdefgh$xxxxxxxxx", "{SSHA512}AAAA",
        "{SCRAM-SHA-256}0,AAAA,AAAA,AAAA", "{SCRAM-SHA-256}", "{NO-SUCH}sesame", "{PLAIN", "{PLAIN}", "{PLAIN.b64}*",
        "{PLAIN.rot13}frfnzr", "sesame",
        "{ARGON2ID}$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"}) {
    const Secret hash{std::string(text)};
    EXPECT_FALSE(is_usable_hash(hash)) << text;
    EXPECT_FALSE(is_password_of(hash, Secret("sesame"))) << text;
    EXPECT_FALSE(is_password_of(hash, Secret())) << text;
  }
}

TEST(PasswordHash, NewOnesMatchAndDiffer) {
  for (const auto scheme : {HashScheme::scram_sha_256, HashScheme::argon2id, HashScheme::yescrypt}) {
    const auto one = hash_password(Secret("päss wörd"), scheme);
    const auto two = hash_password(Secret("päss wörd"), scheme);
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->reveal(), two->reveal());
    EXPECT_FALSE(one->reveal().contains(':'));
    EXPECT_TRUE(is_password_of(*one, Secret("päss wörd")));
    EXPECT_FALSE(is_password_of(*one, Secret("päss wörD")));
  }
}

// RFC 4013: a password is compared as people mean it, however their keyboard spells it.
TEST(PasswordHash, SpellingDoesNotMatter) {
  const auto hash = hash_password(Secret("caf\u00e9"), HashScheme::scram_sha_256);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(is_password_of(*hash, Secret("cafe\u0301")));
}

TEST(PasswordHash, RefusesWhatNoClientCouldSend) {
  for (const auto& password :
       {std::string(), std::string("a\0b", 3), std::string("a\nb"), std::string(2000, 'x'), std::string("\xff\xfe")}) {
    EXPECT_FALSE(hash_password(Secret(password), HashScheme::scram_sha_256)) << password.size();
  }
}

TEST(PasswordHash, VerifierIsReadBack) {
  const auto hash = hash_password(Secret("sesame"), HashScheme::scram_sha_256);
  ASSERT_TRUE(hash);
  const auto verifier = scram_verifier_of(*hash);
  ASSERT_TRUE(verifier);
  EXPECT_EQ(verifier->iterations, scram_iterations);
  EXPECT_EQ(to_hash(*verifier).reveal(), hash->reveal());
  EXPECT_FALSE(scram_verifier_of(Secret("{PLAIN}sesame")));
}

}  // namespace
}  // namespace posthorn::system
