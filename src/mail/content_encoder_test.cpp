#include "mail/content_encoder.hpp"

#include "mail/line_ends.hpp"
#include "mail/text_survey.hpp"
#include "mail/transfer_encoding.hpp"

#include <gtest/gtest.h>

#include <array>

namespace posthorn::mail {
namespace {

std::string encoded(TransferEncoding encoding, std::string_view text, std::size_t piece) {
  ContentEncoder encoder(encoding);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) encoder.write(text.substr(at, piece), out);
  encoder.finish(out);
  return out;
}

TEST(ContentEncoder, says_the_same_as_the_encoders_of_whole_texts_however_it_is_cut) {
  const std::array<std::string, 10> texts{"",
                                          "one line\n",
                                          "no end",
                                          "\n\n\r\n\r\r\n",
                                          "blank at the end \nand a tab\t",
                                          "a=b \xc3\xa4 \x01",
                                          std::string(300, 'x') + "\n" + std::string(76, 'y'),
                                          std::string(75, 'x') + " \n" + std::string(74, 'y') + "=\n",
                                          std::string(57, '\0') + "z",
                                          "." + std::string(500, ' ')};
  for (const auto& text : texts) {
    for (const std::size_t piece : {1UZ, 2UZ, 3UZ, 56UZ, 57UZ, 1000UZ}) {
      const auto lines = with_crlf(text);
      EXPECT_EQ(encoded(TransferEncoding::seven_bit, text, piece), lines) << text;
      EXPECT_EQ(encoded(TransferEncoding::eight_bit, text, piece), lines) << text;
      EXPECT_EQ(encoded(TransferEncoding::quoted_printable, text, piece), encode_quoted_printable(lines)) << text;
      EXPECT_EQ(encoded(TransferEncoding::base64, text, piece), encode_base64_lines(text)) << text;
    }
  }
}

TEST(TextSurvey, knows_what_a_file_is_however_it_is_cut) {
  struct Row {
    std::string text;
    std::string_view charset;
    bool has_long_line;
  };
  const std::array<Row, 12> rows{{{"", "us-ascii", false},
                                  {"text\twith\r\nlines\f", "us-ascii", false},
                                  {"Gr\xc3\xbc\xc3\x9f"
                                   "e \xe6\xbc\xa2 \xf0\x9f\x93\xaf",
                                   "utf-8", false},
                                  {"Gr\xfc\xdf"
                                   "e",
                                   "iso-8859-1", false},
                                  {"\x93quoted\x94", "windows-1252", false},
                                  {"\x81", "", false},
                                  {"cut off \xe6\xbc", "iso-8859-1", false},
                                  {"\xc3", "iso-8859-1", false},
                                  {std::string("nul\0", 4), "", false},
                                  {"\x01", "", false},
                                  {std::string(998, 'x') + "\n" + std::string(998, 'y'), "us-ascii", false},
                                  {std::string(999, 'x'), "us-ascii", true}}};
  for (const auto& row : rows) {
    for (const std::size_t piece : {1UZ, 2UZ, 3UZ, 5UZ, 2000UZ}) {
      TextSurvey survey;
      for (std::size_t at = 0; at < row.text.size(); at += piece)
        survey.read(std::string_view(row.text).substr(at, piece));
      survey.finish();
      EXPECT_EQ(name_of(survey.charset()), row.charset) << row.text << " in pieces of " << piece;
      EXPECT_EQ(survey.has_long_line(), row.has_long_line) << row.text;
    }
  }
}

}  // namespace
}  // namespace posthorn::mail
