#include "config/restart.hpp"

#include "config/reader.hpp"
#include "config/settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace posthorn::config {
namespace {

TEST(Restart, IsNeededForSettingsThatThereAre) {
  auto paths = paths_of(configuration_kind().settings);
  paths.insert(paths.end(), {"state", "hostname", "domains"});
  const auto needed = std::ranges::count_if(paths, [](const auto& path) { return needs_restart(path); });
  EXPECT_EQ(needed, 24) << "each of the list is the path of a setting";
  EXPECT_TRUE(needs_restart("limits.threads"));
  EXPECT_FALSE(needs_restart("queue.paused"));
}

TEST(Restart, IsNeededForWhatHasChangedAndNothingElse) {
  struct Row {
    std::string text;
    std::vector<std::string_view> paths;
  };
  const std::vector<Row> rows{
      {"", {}},
      {"hostname = \"a.example\"\n[queue]\npaused = true\n[limits]\nrecipients = 5\n[log]\nformat = \"json\"", {}},
      {"state = \"/srv/mail\"", {"state"}},
      {"[mailbox]\nformat = \"mbox\"\nquota = \"1MiB\"", {"mailbox.format", "mailbox.quota"}},
      {"[dns]\nservers = [\"127.0.0.1:53\"]\n[limits]\nthreads = 3", {"dns.servers", "limits.threads"}},
      {"[auth]\nsources = [\"pam\"]\n[admin]\nhttp = \"127.0.0.1:8025\"", {"auth.sources", "admin.http"}},
  };
  const auto before = read_configuration("").value();
  for (const auto& row : rows) {
    SCOPED_TRACE(row.text);
    const auto now = read_configuration(row.text);
    ASSERT_TRUE(now);
    EXPECT_EQ(changed_until_restart(before, *now), row.paths);
  }
}

}  // namespace
}  // namespace posthorn::config
