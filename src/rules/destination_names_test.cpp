#include "rules/destination_names.hpp"

#include <gtest/gtest.h>

namespace posthorn::rules {
namespace {

TEST(DestinationNames, ADomainOfWhichNothingIsKnownIsItsOwnName) {
  const DestinationNames names(2);
  EXPECT_EQ(names.name_of("a.example"), "a.example");
}

TEST(DestinationNames, TheLastWordCounts) {
  DestinationNames names(2);
  names.learn("a.example", "MX one:25");
  names.learn("a.example", "MX two:25");
  EXPECT_EQ(names.name_of("a.example"), "MX two:25");
  EXPECT_EQ(names.size(), 1U);
}

TEST(DestinationNames, WhatWasLearnedFirstIsForgottenFirst) {
  DestinationNames names(2);
  names.learn("a.example", "MX a:25");
  names.learn("b.example", "MX b:25");
  names.learn("a.example", "MX a:25");
  names.learn("c.example", "MX c:25");
  EXPECT_EQ(names.size(), 2U);
  EXPECT_EQ(names.name_of("a.example"), "MX a:25") << "it was learned again";
  EXPECT_EQ(names.name_of("b.example"), "b.example");
  EXPECT_EQ(names.name_of("c.example"), "MX c:25");
}

}  // namespace
}  // namespace posthorn::rules
