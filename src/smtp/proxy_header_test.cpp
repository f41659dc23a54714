#include "smtp/proxy_header.hpp"

#include <gtest/gtest.h>

#include <string>

namespace posthorn::smtp {
namespace {

std::string told(std::string_view octets) {
  const auto read = read_proxy_header(octets);
  if (!read) return read.error() == ProxyFault::incomplete ? "more" : "bad";
  return std::to_string(read->octets) + " " + (read->client ? read->client->to_string() : "local");
}

std::string binary(char command, char family, const std::string& block) {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  out += command;
  out += family;
  out += static_cast<char>(block.size() >> 8U);
  out += static_cast<char>(block.size() & 0xffU);
  return out + block;
}

const std::string block4("\xc0\x00\x02\x01\xc6\x33\x64\x01\xdc\x04\x00\x19", 12);
const std::string block6(
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xdc\x04\x00\x19", 36);

struct Row {
  std::string name;
  std::string octets;
  std::string wanted;
};

TEST(ProxyHeader, Vectors) {
  const Row rows[] = {
      {"TCP4", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\nEHLO x\r\n", "44 192.0.2.1:56324"},
      {"TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 25\r\n", "45 [2001:db8::1]:56324"},
      {"unknown", "PROXY UNKNOWN\r\n", "15 local"},
      {"unknown with more", "PROXY UNKNOWN ff:ff 1 2\r\n", "25 local"},
      {"not ended", "PROXY TCP4 192.0.2.1", "more"},
      {"half a word", "PRO", "more"},
      {"nothing", "", "more"},
      {"SMTP", "EHLO x\r\n", "bad"},
      {"a TLS handshake", std::string("\x16\x03\x01\x00", 4), "bad"},
      {"lower case", "proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n", "bad"},
      {"another family", "PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", "bad"},
      {"family and address differ", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "bad"},
      {"an address too few", "PROXY TCP4 192.0.2.1 1 2\r\n", "bad"},
      {"a word too many", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", "bad"},
      {"two blanks", "PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", "bad"},
      {"port too large", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n", "bad"},
      {"leading zero", "PROXY TCP4 192.0.2.1 198.51.100.1 025 25\r\n", "bad"},
      {"bare LF", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\nEHLO", "more"},
      {"endless", "PROXY UNKNOWN " + std::string(120, 'x') + "\r\n", "bad"},
      {"binary IPv4", binary('\x21', '\x11', block4) + "EHLO", "28 192.0.2.1:56324"},
      {"binary IPv4 with more behind", binary('\x21', '\x11', block4 + std::string("\x04\0\x01x", 4)),
       "32 192.0.2.1:56324"},
      {"binary IPv6", binary('\x21', '\x21', block6), "52 [2001:db8::1]:56324"},
      {"binary local", binary('\x20', '\0', ""), "16 local"},
      {"binary local with addresses", binary('\x20', '\x11', block4), "28 local"},
      {"binary, of no family", binary('\x21', '\0', "abc"), "19 local"},
      {"binary, a UNIX socket", binary('\x21', '\x31', std::string(216, 'x')), "232 local"},
      {"binary, too short for its family", binary('\x21', '\x11', "abc"), "bad"},
      {"binary, version 1", binary('\x11', '\x11', block4), "bad"},
      {"binary, another command", binary('\x22', '\x11', block4), "bad"},
      {"binary, not whole", binary('\x21', '\x11', block4).substr(0, 20), "more"},
      {"binary, the signature only", binary('\x21', '\x11', block4).substr(0, 12), "more"},
      {"binary, half the signature", "\r\n\r\n", "more"},
      {"almost the signature", "\r\n\r\nX", "bad"},
  };
  for (const auto& row : rows) EXPECT_EQ(told(row.octets), row.wanted) << row.name;
}

TEST(ProxyHeader, AnyCutOfAGoodOneIsIncomplete) {
  const std::string wholes[] = {"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n", binary('\x21', '\x21', block6)};
  for (const auto& whole : wholes) {
    for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(told(whole.substr(0, size)), "more") << size;
  }
}

}  // namespace
}  // namespace posthorn::smtp
