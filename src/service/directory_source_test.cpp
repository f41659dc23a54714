#include "service/directory_source.hpp"

#include "sim/loop.hpp"
#include "sim/workers.hpp"
#include "support/spool_house.hpp"
#include "world/task_group.hpp"
#include "world/wait.hpp"

#include <gtest/gtest.h>

namespace posthorn::service {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const rules::Directory> directory_of(std::vector<const char*> users) {
  rules::Directory::Parts parts{.domains = {"example.org"}};
  for (const auto* name : users) parts.users.push_back(*mail::UserName::parse(name));
  return std::make_shared<const rules::Directory>(std::move(parts));
}

struct Source : ::testing::Test {
  sim::Loop loop{1};
  sim::Workers workers{loop, {}};
  posthorn::testing::EventLog log;
  std::shared_ptr<const rules::Directory> on_disk = directory_of({"alice"});
  std::shared_ptr<const rules::Directory> read = on_disk;
  int looks = 0;
  DirectorySource source{on_disk,
                         [this]() -> Result<std::shared_ptr<const rules::Directory>> {
                           ++looks;
                           if (read == on_disk) return std::shared_ptr<const rules::Directory>{};
                           read = on_disk;
                           return read;
                         },
                         workers, log};
  int answers = 0;
  int news = 0;
  world::TaskGroup tasks;

  world::Task<> ask() {
    const bool is_new = co_await source.refresh(loop);
    ++answers;
    if (is_new) ++news;
  }
};

TEST_F(Source, AQuestionIsAnsweredByALookThatBeganAfterIt) {
  tasks.start(ask());
  loop.run_for(10ms);
  ASSERT_EQ(answers, 1);
  on_disk = directory_of({"alice", "bob"});
  tasks.start(ask());
  loop.run_for(DirectorySource::look_interval + 20ms);
  EXPECT_EQ(answers, 2);
  EXPECT_EQ(news, 1);
  EXPECT_EQ(source.current()->user_count(), 2U);
}

TEST_F(Source, ManyAskAndFewLook) {
  for (int i = 0; i < 1'000; ++i) {
    tasks.start(ask());
    loop.run_for(1ms);
  }
  loop.run_for(1s);
  EXPECT_EQ(answers, 1'000);
  EXPECT_LE(looks, 12);
  EXPECT_EQ(news, 0);
}

}  // namespace
}  // namespace posthorn::service
