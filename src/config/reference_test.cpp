#include "config/reference.hpp"

#include "config/reader.hpp"
#include "config/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace posthorn::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void check_each(const std::vector<SettingFacts>& settings, const std::string& path) {
  std::set<std::string> names;
  for (const auto& setting : settings) {
    const auto where = path + setting.name;
    EXPECT_TRUE(names.insert(setting.name).second) << where << " stands twice";
    EXPECT_TRUE(setting.explanation.ends_with('.')) << where << " is explained in sentences";
    EXPECT_FALSE(setting.kind.empty()) << where;
    EXPECT_EQ(setting.default_words.empty(), setting.example.empty()) << where;
    if (setting.is_table) check_each(setting.below, where + ".");
  }
}

TEST(Settings, are_all_explained_once) { check_each(configuration_kind().settings, ""); }

/// The example with its values in force, but without the tables that may be repeated and need a choice.
std::string in_force(const std::string& example) {
  std::string text;
  bool is_repeated = false;
  std::size_t start = 0;
  while (start < example.size()) {
    const auto end = example.find('\n', start);
    auto line = example.substr(start, end - start);
    start = end + 1;
    if (line.starts_with("#[[")) is_repeated = true;
    if (line.starts_with("[")) is_repeated = false;
    if (is_repeated) continue;
    if (line.starts_with("#") && !line.starts_with("# ")) line.erase(0, 1);
    text += line + "\n";
  }
  return text;
}

TEST(Settings, have_defaults_that_may_be_written_down) {
  EXPECT_TRUE(read_configuration(settings_as_toml()));
  const auto text = in_force(settings_as_toml());
  EXPECT_THAT(text, HasSubstr("\nrecipients = 1000\n"));
  const auto read = read_configuration(text);
  if (read) return;
  for (const auto& fault : read.error()) ADD_FAILURE() << fault.to_string("posthorn.toml.example");
}

TEST(Settings, are_told_by_table) {
  EXPECT_THAT(settings_as_text("limits").value(), HasSubstr("[limits]\n"));
  EXPECT_THAT(settings_as_text("limits").value(), Not(HasSubstr("[queue]")));
  EXPECT_THAT(settings_as_text("tls.identity").value(), HasSubstr("[[tls.identity]]\n"));
  EXPECT_THAT(settings_as_text().value(), HasSubstr("hostname\n"));
  EXPECT_FALSE(settings_as_text("nonsense"));
}

TEST(Settings, all_stand_on_the_page) {
  const auto page = settings_as_markdown();
  for (const auto& path : paths_of(configuration_kind().settings)) {
    EXPECT_THAT(page, HasSubstr("| `" + path.substr(path.rfind('.') + 1) + "` |")) << path;
  }
}

}  // namespace
}  // namespace posthorn::config
