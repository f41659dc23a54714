#include "system/hosts_file.hpp"

#include <gtest/gtest.h>

namespace posthorn::system {
namespace {

HostName host(std::string name, std::string_view address) { return {std::move(name), *IpAddress::parse(address)}; }

TEST(HostsFile, NamesAndAliasesWithTheirAddresses) {
  EXPECT_EQ(parse_hosts("127.0.0.1\tlocalhost\n"
                        "# a remark\n\n"
                        "  192.0.2.7   Mail.Example.ORG. mail  # the alias\r\n"
                        "::1 localhost ip6-localhost"),
            (std::vector{host("localhost", "127.0.0.1"), host("mail.example.org", "192.0.2.7"),
                         host("mail", "192.0.2.7"), host("localhost", "::1"), host("ip6-localhost", "::1")}));
}

TEST(HostsFile, WhatIsNoLineOrNoNameIsLeftOut) {
  EXPECT_EQ(
      parse_hosts("localhost 127.0.0.1\n192.0.2.1\n192.0.2.300 far\n192.0.2.2 a\"b . good\nfe80::1%lo0 scoped\n#"),
      std::vector{host("good", "192.0.2.2")});
  EXPECT_TRUE(parse_hosts("").empty());
}

}  // namespace
}  // namespace posthorn::system
