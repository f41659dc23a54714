#include "service/json_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace posthorn::service {
namespace {

using nlohmann::json;

json read(const std::string& text) { return json::parse(text, nullptr, false); }

TEST(JsonText, WritesWhatOthersRead) {
  std::string out;
  JsonObject object(out);
  object.text("a", "b").number("n", 5).null("nothing").flag("yes", true).text_or_null("none", "").end();
  EXPECT_EQ(read(out), json({{"a", "b"}, {"n", 5}, {"nothing", nullptr}, {"yes", true}, {"none", nullptr}}));
}

TEST(JsonText, AnyOctetsBecomeAValidText) {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all += static_cast<char>(octet);
  for (const auto& text : {all, std::string("quote \" and \\ and é"), std::string("\xff\xfe"),
                           std::string("\xe2\x80\xae"), std::string()}) {
    std::string out;
    put_json(out, text);
    EXPECT_TRUE(read(out).is_string()) << out;
    EXPECT_EQ(out.find_first_of("\r\n"), std::string::npos);
  }
  std::string out;
  put_json(out, "quote \" and \\ and é");
  EXPECT_EQ(read(out), "quote \" and \\ and é");
}

TEST(JsonText, WritesTimesAsTheLogDoes) {
  using namespace std::chrono_literals;
  for (const auto time : {WallTime{0s}, WallTime{951'826'799s}, WallTime{1'709'164'800s},
                          WallTime{1'798'761'599'999'999us}, WallTime{4'102'444'800s}, WallTime{-1s}}) {
    std::string out;
    JsonObject object(out);
    object.time("t", time).end();
    EXPECT_EQ(read(out)["t"], to_rfc3339(time));
  }
}

}  // namespace
}  // namespace posthorn::service
