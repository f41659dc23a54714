#include "service/http_reply.hpp"
#include "service/http_request.hpp"

#include "service/control_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

using testing::ElementsAre;
using testing::Pair;

HttpReader read(std::string_view text, const HttpReader::Settings& settings = {}) {
  HttpReader reader(settings);
  reader.feed(text);
  return reader;
}

TEST(HttpReader, ReadsARequest) {
  auto reader =
      read("POST /api/a%20b?x=1&y=a%40b+c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcGET");
  ASSERT_EQ(reader.state(), HttpReader::State::done);
  const auto request = reader.take();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/api/a b");
  EXPECT_THAT(request.query, ElementsAre(Pair("x", "1"), Pair("y", "a@b c")));
  EXPECT_EQ(request.field("x-a"), "b");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(request.keeps_connection);
}

TEST(HttpReader, LeavesTheNextRequestAlone) {
  const std::string_view one = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HttpReader reader;
  EXPECT_EQ(reader.feed(std::string(one) + "GET"), one.size());
}

struct Refused {
  const char* name;
  std::string text;
  unsigned status;
};

TEST(HttpReader, RefusesWhatServersHaveBeenFooledBy) {
  const std::string host = "Host: a\r\n";
  const std::string start = "GET / HTTP/1.1\r\n";
  const Refused rows[] = {
      {"no host", start + "\r\n", 400},
      {"two hosts", start + host + host + "\r\n", 400},
      {"a blank before the colon", start + "Host : a\r\n\r\n", 400},
      {"a folded line", start + host + " b\r\n\r\n", 400},
      {"two lengths", start + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
      {"a length with a sign", start + host + "Content-Length: +1\r\n\r\n", 400},
      {"a coding", start + host + "Transfer-Encoding: chunked\r\n\r\n", 501},
      {"a large body", start + host + "Content-Length: 99999999\r\n\r\n", 413},
      {"a length past all numbers", start + host + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {"an absolute target", "GET http://a/ HTTP/1.1\r\n" + host + "\r\n", 400},
      {"an asterisk", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\n" + host + "\r\n", 400},
      {"a NUL", "GET /%00 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"half a percent", "GET /%4 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"another version", "GET / HTTP/2.0\r\n\r\n", 505},
      {"SMTP", "EHLO client.example\r\n\r\n", 400},
      {"an endless line", "GET /" + std::string(20'000, 'a'), 414},
      {"an endless head", start + "X: " + std::string(20'000, 'a'), 431},
      {"many fields",
       start +
           [] {
             std::string fields;
             for (int i = 0; i < 101; ++i) fields += "X: y\r\n";
             return fields;
           }() +
           "\r\n",
       431},
  };
  for (const auto& row : rows) {
    const auto reader = read(row.text);
    EXPECT_EQ(reader.state(), HttpReader::State::refused) << row.name;
    EXPECT_EQ(reader.status(), row.status) << row.name;
  }
}

TEST(HttpReader, WaitsWithBareLineFeedsUntilItsBound) {
  EXPECT_EQ(read("GET / HTTP/1.1\nHost: a\n\n").state(), HttpReader::State::head);
}

struct Heard {
  std::string body;
  HttpReplyReader reader{[this](std::string_view octets) { body += octets; }};
};

TEST(HttpReplyReader, ReadsPiecesHoweverTheyAreCut) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nc\r\n, whole\r\nall\r\n0\r\n\r\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    Heard heard;
    for (std::size_t at = 0; at < text.size(); at += step) heard.reader.feed(std::string_view(text).substr(at, step));
    EXPECT_EQ(heard.reader.state(), HttpReplyReader::State::done) << step;
    EXPECT_EQ(heard.body, "hello, whole\r\nall") << step;
  }
}

TEST(HttpReplyReader, KnowsAnAnswerThatBrokeOff) {
  Heard heard;
  heard.reader.feed("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(heard.reader.status(), 404U);
  EXPECT_EQ(heard.reader.state(), HttpReplyReader::State::body);
  Heard garbage;
  garbage.reader.feed("220 mx.example.org ESMTP\r\n\r\n");
  EXPECT_EQ(garbage.reader.state(), HttpReplyReader::State::broken);
}

TEST(Control, KnowsLoopbackByItsNames) {
  for (const auto* host : {"localhost", "LOCALHOST:8025", "127.0.0.1", "127.0.0.1:80", "[::1]:8025", "[::1]"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
  for (const auto* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1",
                           "localhost:x", "0.0.0.0", "[::]"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(Control, ComparesSecretsWhole) {
  EXPECT_TRUE(is_same_secret("abcdef", "abcdef"));
  for (const auto* given : {"", "a", "abcde", "abcdefg", "abcdefabcdef", "Abcdef"})
    EXPECT_FALSE(is_same_secret(given, "abcdef"));
  EXPECT_FALSE(is_same_secret("", ""));
}

}  // namespace
}  // namespace posthorn::service
