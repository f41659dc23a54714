#include "cli/serve_settings.hpp"

#include <gtest/gtest.h>

namespace posthorn::cli {
namespace {

using smtp::Step;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(RemoteSettings, CommandTimeoutCoversEveryCommand) {
  config::Configuration configuration;
  configuration.remote.command_timeout = seconds{2};
  configuration.remote.data_timeout = seconds{20};
  configuration.remote.final_timeout = seconds{200};
  const auto session = make_remote_settings(configuration, {}).session;
  for (const auto step : {Step::greeting, Step::hello, Step::starttls, Step::auth, Step::mail, Step::rcpt, Step::data,
                          Step::reset, Step::quit})
    EXPECT_EQ(session.timeout(step), seconds{2}) << name_of(step);
  EXPECT_EQ(session.timeout(Step::body), seconds{20});
  EXPECT_EQ(session.timeout(Step::final_dot), seconds{200});
}

TEST(RemoteSettings, LongCommandTimeoutsLeaveTheShortWaitsAlone) {
  config::Configuration configuration;
  const smtp::ClientSettings usual;
  for (const auto patience : {configuration.remote.command_timeout, Duration{minutes{30}}}) {
    configuration.remote.command_timeout = patience;
    const auto session = make_remote_settings(configuration, {}).session;
    EXPECT_EQ(session.timeout(Step::rcpt), patience);
    for (const auto step : {Step::starttls, Step::auth, Step::data, Step::reset, Step::quit})
      EXPECT_EQ(session.timeout(step), usual.timeout(step)) << name_of(step);
  }
}

}  // namespace
}  // namespace posthorn::cli
