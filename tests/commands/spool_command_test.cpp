// `posthorn spool` on spools that a real Spool wrote on the simulated disk, copied to a folder.
#include "cli/program.hpp"
#include "support/captured_console.hpp"
#include "support/spool_house.hpp"
#include "support/temporary_folder.hpp"
#include "system/posix_disk.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace posthorn::cli {
namespace {

using nlohmann::json;
using posthorn::testing::message_to;
using posthorn::testing::outcome;
using posthorn::testing::SpoolHouse;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Files = std::map<std::string, std::string>;

Files files_under(const std::string& root) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().string()] = {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  return files;
}

class SpoolCommand : public ::testing::Test {
 protected:
  SpoolCommand() {
    EXPECT_TRUE(house.start());
    first = *house.store("Subject: one\r\n\r\nOne.\r\n", {"alice@example.org", "bob@example.org"});
    EXPECT_TRUE(house.record(first, {outcome(0, store::RecipientStatus::delivered),
                                     outcome(1, store::RecipientStatus::queued, "451 \x1b[2Jlater")}));
    second = house.spool().new_id();
    auto message = message_to(second, {"carol@example.org"}, "");
    message.body = *house.body(second, std::string(1200, 'x') + "\r\n");
    EXPECT_TRUE(house.commit(std::move(message)));
    house.stop();
    write_out();
  }

  /// The disk of the house as real files.
  void write_out() {
    for (const auto& path : house.disk.tree("/state")) {
      const auto place = folder.path(path.substr(1));
      if (path.ends_with('/')) {
        std::filesystem::create_directories(place);
      } else {
        std::filesystem::create_directories(std::filesystem::path(place).parent_path());
        std::ofstream(place, std::ios::binary) << *house.disk.contents(path);
      }
    }
  }

  int run(std::vector<std::string> words) {
    words.insert(words.begin(), {"posthorn", "spool"});
    words.insert(words.end(), {"--state", folder.path("state")});
    posthorn::testing::CapturedConsole captured;
    const auto before = files_under(folder.path("state"));
    const auto status = run_program(words, captured.console());
    EXPECT_EQ(files_under(folder.path("state")), before) << "nothing was changed";
    out = captured.out();
    error = captured.error();
    return status;
  }

  /// Turns a bit of the file where `text` stands in it.
  std::uint64_t spoil(const std::string& name, std::string_view text) {
    const auto path = folder.path("state/spool/" + name);
    auto bytes = files_under(folder.path("state")).at(path);
    const auto at = bytes.find(text);
    EXPECT_NE(at, std::string::npos);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    std::ofstream(path, std::ios::binary) << bytes;
    return at;
  }

  SpoolHouse house;
  posthorn::testing::TemporaryFolder folder;
  MessageId first;
  MessageId second;
  std::string out;
  std::string error;
};

TEST_F(SpoolCommand, verify_finds_a_whole_spool_whole) {
  EXPECT_EQ(run({"verify"}), 0) << out << error;
  EXPECT_THAT(out, HasSubstr("whole: 2 messages to 3 recipients wait"));
  EXPECT_EQ(run({"verify", "--json"}), 0);
  const auto report = json::parse(out);
  EXPECT_EQ(report["whole"], true);
  EXPECT_EQ(report["messages"], 2);
  EXPECT_TRUE(report["damages"].empty());
}

TEST_F(SpoolCommand, verify_names_damage_by_file_and_offset) {
  struct Row {
    std::string file;
    std::string text;
    std::string what;
  };
  for (const auto& row : {Row{"segment-00000001", "Subject: one", "the text of message"},
                          Row{"segment-00000001", "bob@example.org", "the envelope of message"},
                          Row{"segment-00000001", "451 ", "an outcome of message"},
                          Row{"segment-00000001", "PSRC", "no record can be read here"},
                          Row{"segment-00000001", "carol@example.org", "the envelope of message"},
                          Row{"segment-00000001", "PosthSeg", "one of the two headers"},
                          Row{"bodies/" + second.to_string(), "xxx", "the body fails its checksum"},
                          Row{"identity", "this machine", "the identity fails its checksum"}}) {
    SCOPED_TRACE(row.text);
    write_out();
    (void)spoil(row.file, row.text);
    EXPECT_EQ(run({"verify"}), 65) << out;
    EXPECT_THAT(out, AllOf(HasSubstr("damaged: "), HasSubstr(row.file + " at "), HasSubstr(row.what)));
    EXPECT_EQ(run({"verify", "--json"}), 65);
    const auto damage = json::parse(out)["damages"].at(0);
    EXPECT_EQ(damage["file"], row.file);
  }
}

TEST_F(SpoolCommand, verify_notices_what_is_missing) {
  std::filesystem::remove(folder.path("state/spool/bodies/" + second.to_string()));
  EXPECT_EQ(run({"verify"}), 65);
  EXPECT_THAT(out, HasSubstr("the body of a message is missing"));
  std::filesystem::remove_all(folder.path("state/spool/bodies"));
  EXPECT_EQ(run({"verify"}), 65) << out;
  EXPECT_EQ(run({"dump", second.to_string()}), 65);
  write_out();
  std::filesystem::resize_file(folder.path("state/spool/segment-00000001"), 1024);
  EXPECT_EQ(run({"verify"}), 65);
  EXPECT_THAT(out, HasSubstr("the end of the file is missing"));
  std::filesystem::remove(folder.path("state/spool/identity"));
  EXPECT_NE(run({"verify"}), 0);
}

TEST_F(SpoolCommand, verify_ignores_and_names_what_is_not_ours) {
  folder.write("state/spool/notes.txt", "hello");
  folder.write("state/spool/bodies/README", "hello");
  EXPECT_EQ(run({"verify"}), 0);
  EXPECT_THAT(out, AllOf(HasSubstr("notes.txt is not ours"), HasSubstr("bodies/README is not ours")));
}

TEST_F(SpoolCommand, dump_shows_what_waits) {
  EXPECT_EQ(run({"dump"}), 0) << error;
  EXPECT_THAT(out, AllOf(HasSubstr(first.to_string()), HasSubstr("from <sender@example.net>"),
                         HasSubstr("to <alice@example.org>  delivered"), HasSubstr("to <bob@example.org>  queued"),
                         HasSubstr(second.to_string()), HasSubstr("1219 octets")));
  EXPECT_EQ(out.find('\x1b'), std::string::npos) << "a remote reply is cleaned";
  EXPECT_EQ(run({"dump", "--json"}), 0);
  const auto all = json::parse(out);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["id"], first.to_string());
  EXPECT_EQ(all[0]["recipients"][1]["status"], "queued");
}

TEST_F(SpoolCommand, dump_gives_a_text_as_it_is) {
  EXPECT_EQ(run({"dump", first.to_string()}), 0);
  EXPECT_EQ(out, "Received: by mx\r\nSubject: one\r\n\r\nOne.\r\n");
  EXPECT_EQ(run({"dump", second.to_string()}), 0);
  EXPECT_EQ(out, "Received: by mx\r\n" + std::string(1200, 'x') + "\r\n");
  EXPECT_EQ(run({"dump", second.to_string(), "--json"}), 0);
  EXPECT_EQ(json::parse(out)["text"], "Received: by mx\r\n" + std::string(1200, 'x') + "\r\n");
  EXPECT_EQ(run({"dump", "0000000000000"}), 66);
  EXPECT_EQ(run({"dump", "nonsense"}), 66);
}

TEST_F(SpoolCommand, dump_shows_the_rest_of_a_damaged_spool) {
  (void)spoil("segment-00000001", "alice@example.org");
  EXPECT_EQ(run({"dump"}), 65);
  EXPECT_THAT(out, HasSubstr(second.to_string()));
  EXPECT_THAT(error, HasSubstr("the envelope of message " + first.to_string()));
  write_out();
  (void)spoil("segment-00000001", "Subject: one");
  EXPECT_EQ(run({"dump", first.to_string()}), 65);
  EXPECT_EQ(out, "");
  EXPECT_EQ(run({"dump", second.to_string()}), 0);
}

TEST_F(SpoolCommand, waits_for_no_running_server) {
  folder.write("state/lock", "");
  system::PosixDisk disk;
  auto state = disk.open_root(folder.path("state"));
  const auto lock = (*state)->lock("lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ(run({"verify"}), 75);
  EXPECT_THAT(error, HasSubstr("is in use by a running server"));
}

TEST_F(SpoolCommand, says_where_there_is_no_spool) {
  std::filesystem::remove_all(folder.path("state/spool"));
  EXPECT_EQ(run({"verify"}), 66);
  std::filesystem::remove_all(folder.path("state"));
  std::filesystem::create_directories(folder.path("state"));
  EXPECT_EQ(run({"dump"}), 66);
  EXPECT_THAT(error, HasSubstr("open the spool of"));
}

}  // namespace
}  // namespace posthorn::cli
