#include "mail/downgrade.hpp"

#include "base/utf8.hpp"
#include "mail/content_type.hpp"
#include "mail/line_ends.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace posthorn::mail {
namespace {

TEST(ContentType, IsRead) {
  const auto type = parse_content_type(" Text/PLAIN (plain); Charset=\"utf-8\" ; format = flowed;");
  ASSERT_TRUE(type);
  EXPECT_TRUE(type->is("text", "plain"));
  ASSERT_NE(type->parameter("charset"), nullptr);
  EXPECT_EQ(*type->parameter("charset"), "utf-8");
  EXPECT_EQ(*type->parameter("format"), "flowed");
  EXPECT_EQ(type->parameter("boundary"), nullptr);
  for (const auto* text : {"", "text", "text/", "/plain", "text plain", "text/plain; charset", "text/plain; =x",
                           "text/plain charset=x", "text/plain; charset=\"x", "text/plain; charset="}) {
    EXPECT_FALSE(parse_content_type(text)) << text;
  }
}

struct Row {
  const char* name;
  std::string message;
  std::string converted;
};

TEST(Downgrade, EncodesWhatNeedsIt) {
  for (const auto& [name, message, converted] : {
           Row{"7-bit already", "Subject: a\r\n\r\nbody\r\n", "Subject: a\r\n\r\nbody\r\n"},
           Row{"text",
               "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Subject: a\r\n\r\nGrüße\r\n",
               "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nSubject: a\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"},
           Row{"not MIME", "Subject: a\r\n\r\nGrüße\r\n",
               "Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"},
           Row{"no header", "\r\nü\r\n",
               "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n"},
           Row{"binary",
               "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\xff\xfe",
               "MIME-Version: 1.0\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n//4=\r\n"},
           Row{"a long line", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + std::string(999, 'x') + "\r\n",
               "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
                   [] {
                     std::string lines;
                     for (int i = 0; i < 13; ++i) lines += std::string(75, 'x') + "=\r\n";
                     return lines + std::string(24, 'x') + "\r\n";
                   }()},
           Row{"multipart",
               "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b b\"\r\nContent-Transfer-Encoding: "
               "8bit\r\n\r\n"
               "preamble\r\n--b bb\r\n--b b  \r\nContent-Type: text/plain\r\n\r\n7-bit = as it is\r\n\r\n"
               "--b b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nü\r\n--b "
               "b\r\n\r\nö\r\n"
               "--b b--\r\nepilogue\r\n--b b\r\n",
               "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b b\"\r\nContent-Transfer-Encoding: "
               "7bit\r\n\r\n"
               "preamble\r\n--b bb\r\n--b b  \r\nContent-Type: text/plain\r\n\r\n7-bit = as it is\r\n\r\n"
               "--b b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
               "quoted-printable\r\n\r\n=C3=BC\r\n"
               "--b b\r\nContent-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: "
               "quoted-printable\r\n\r\n"
               "=C3=B6\r\n--b b--\r\nepilogue\r\n--b b\r\n"},
           Row{"a message in a digest, without the last delimiter",
               "MIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: a\r\n\r\nü",
               "MIME-Version: 1.0\r\nContent-Type: multipart/digest; boundary=b\r\nContent-Transfer-Encoding: "
               "7bit\r\n\r\n--b\r\n"
               "Content-Transfer-Encoding: 7bit\r\n\r\nSubject: a\r\nMIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=unknown-8bit\r\nContent-Transfer-Encoding: "
               "quoted-printable\r\n\r\n=C3=BC"},
       }) {
    const auto result = downgrade_to_7bit(message);
    ASSERT_TRUE(result) << name << ": " << result.error().text;
    EXPECT_EQ(*result, converted) << name;
    EXPECT_TRUE(utf8::is_ascii(*result)) << name;
  }
}

TEST(Downgrade, SaysWhereItCannot) {
  const std::string mime = "MIME-Version: 1.0\r\n";
  std::string deep;
  for (int i = 0; i < 30; ++i)
    deep +=
        "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
  for (const auto& [name, message] : {
           std::pair{"8-bit header", std::string("Subject: ü\r\n\r\nbody\r\n")},
           std::pair{"8-bit header of a part",
                     mime + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: ü\r\n\r\nü\r\n--b--\r\n"},
           std::pair{"signed", mime + "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nü\r\n--b--\r\n"},
           std::pair{"no boundary", mime + "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nü\r\n--b--\r\n"},
           std::pair{"8-bit preamble",
                     mime + "Content-Type: multipart/mixed; boundary=b\r\n\r\nü\r\n--b\r\n\r\nx\r\n--b--\r\n"},
           std::pair{"partial", mime + "Content-Type: message/partial\r\n\r\nü\r\n"},
           std::pair{"8-bit in base64",
                     mime + "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nü\r\n"},
           std::pair{"unknown encoding", mime + "Content-Transfer-Encoding: x-uuencode\r\n\r\nü\r\n"},
           std::pair{"two types", mime + "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nü\r\n"},
           std::pair{"unreadable type", mime + "Content-Type: text\r\n\r\nü\r\n"},
           std::pair{"too deep", mime + deep + "\r\nü\r\n"},
       }) {
    const auto result = downgrade_to_7bit(message);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind, Error::Kind::unsupported) << name;
  }
  EXPECT_FALSE(downgrade_to_7bit(mime + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\nü\r\n",
                                 {.parts = 2}));
  EXPECT_FALSE(downgrade_to_7bit("A: long\r\nB: header\r\n\r\nü\r\n", {.header_octets = 10}));
}

std::string in_pieces(std::string_view text, std::size_t octets) {
  std::string out;
  Downgrade survey;
  for (std::size_t at = 0; at < text.size(); at += octets) survey.feed(text.substr(at, octets), out);
  survey.finish(out);
  Downgrade conversion({}, *survey.plan());
  for (std::size_t at = 0; at < text.size(); at += octets) conversion.feed(text.substr(at, octets), out);
  conversion.finish(out);
  return out;
}

TEST(Downgrade, DoesNotDependOnHowTheTextWasCut) {
  std::string picture;
  for (int i = 0; i < 300; ++i) picture += static_cast<char>(i % 256);
  std::erase(picture, '\0');
  const auto message =
      "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nü  \r\n\r\n--b\r\n"
      "Content-Type: image/png\r\n\r\n" +
      picture + "\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\nö\r\n--b--\r\n";
  const auto whole = downgrade_to_7bit(message);
  ASSERT_TRUE(whole) << whole.error().text;
  for (std::size_t octets = 1; octets < 70; ++octets) EXPECT_EQ(in_pieces(message, octets), *whole) << octets;
}

TEST(Downgrade, NeedsNoMemoryForALineWithoutEnd) {
  const std::string line(200'000, '\xff');
  const auto result =
      downgrade_to_7bit("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=x\r\n\r\n" + line + "\r\n");
  ASSERT_TRUE(result);
  EXPECT_FALSE(has_long_line(*result));
  EXPECT_EQ(std::ranges::count(*result, 'F'), 400'000);
}

}  // namespace
}  // namespace posthorn::mail
