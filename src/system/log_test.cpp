// The log from the record to the line in the file: rendering, the wire, the sink, the reception, and the whole process.
#include "system/log_process.hpp"

#include "system/clock.hpp"
#include "system/journal_log.hpp"
#include "system/log_line.hpp"
#include "system/log_reception.hpp"
#include "system/log_sink.hpp"
#include "system/log_wire.hpp"
#include "system/queued_log.hpp"
#include "system/thread.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

namespace posthorn::system {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using world::LogField;
using world::LogLevel;
using world::LogRecord;

const WallTime moment{std::chrono::microseconds{1'795'224'225'123'456}};

struct LineRow {
  std::string name;
  std::vector<LogField> fields;
  std::string text;
  std::string json;
};
class LogLine : public testing::TestWithParam<LineRow> {};

TEST_P(LogLine, IsOneCleanLineInEitherFormat) {
  const auto& row = GetParam();
  const LogRecord record{LogLevel::info, "a.b", row.fields};
  EXPECT_EQ(render(moment, record, LogFormat::text), "2026-11-21T01:23:45.123456Z info a.b" + row.text);
  const std::string absent = row.json.contains("session") ? R"(,"message":null)" : R"(,"session":null,"message":null)";
  EXPECT_EQ(render(moment, record, LogFormat::json),
            R"({"time":"2026-11-21T01:23:45.123456Z","level":"info","event":"a.b")" + row.json + absent + "}");
}

INSTANTIATE_TEST_SUITE_P(
    All, LogLine,
    testing::Values(LineRow{"nothing", {}, "", ""},
                    LineRow{"kinds",
                            {{"session", 7}, {"ok", true}, {"back", -1}},
                            " session=7 ok=yes back=-1",
                            R"(,"session":7,"ok":true,"back":-1)"},
                    LineRow{"plain", {{"from", "a@example.org"}}, " from=a@example.org", R"(,"from":"a@example.org")"},
                    LineRow{"blank", {{"reply", "250 Ok"}}, R"( reply="250 Ok")", R"(,"reply":"250 Ok")"},
                    LineRow{"empty", {{"from", ""}}, R"( from="")", R"(,"from":"")"},
                    LineRow{"quote", {{"x", R"(a"b\)"}}, R"( x="a\"b\\")", R"(,"x":"a\"b\\")"},
                    LineRow{"another_field", {{"x", "a=b"}}, R"( x="a=b")", R"(,"x":"a=b")"},
                    LineRow{"line_end", {{"x", "a\r\nb"}}, R"( x=a\r\nb)", R"(,"x":"a\\r\\nb")"},
                    LineRow{"not_utf8", {{"x", "\xff"}}, R"( x=\xff)", R"(,"x":"\\xff")"},
                    LineRow{"utf8", {{"x", "grün"}}, " x=grün", R"(,"x":"grün")"},
                    LineRow{"reserved", {{"time", 1}}, " time=1", R"(,"time_":1)"},
                    LineRow{"bad_name", {{"a b", 1}}, " ?=1", R"(,"?":1)"}),
    [](const auto& row) { return row.param.name; });

std::vector<LogMessage> read_all(std::string_view packet, bool* failed = nullptr) {
  LogPacketReader reader{packet};
  std::vector<LogMessage> messages;
  while (auto message = reader.next()) messages.push_back(std::move(*message));
  if (failed != nullptr) *failed = reader.failed();
  return messages;
}

TEST(LogWire, BringsWhatWasPut) {
  const auto packet = encode(moment, {LogLevel::warning, "disk.full", {{"path", "/x"}, {"left", 5}, {"ok", false}}}) +
                      encode(ChangeLogFormat{LogFormat::json}) + encode(ReopenLog{});
  bool failed = false;
  const auto messages = read_all(packet, &failed);
  EXPECT_FALSE(failed);
  ASSERT_EQ(messages.size(), 3U);
  const auto& event = std::get<LogEvent>(messages[0]);
  EXPECT_EQ(render(event.time, event.record, LogFormat::text),
            "2026-11-21T01:23:45.123456Z warning disk.full path=/x left=5 ok=no");
  EXPECT_EQ(std::get<ChangeLogFormat>(messages[1]).format, LogFormat::json);
  EXPECT_TRUE(std::holds_alternative<ReopenLog>(messages[2]));
}

TEST(LogWire, TheWriterKeepsToTheLimitsOfTheReader) {
  LogRecord record{LogLevel::info, "long", {}};
  for (int i = 0; i < 100; ++i) record.fields.emplace_back("text", std::string(10'000, 'x'));
  const auto packet = encode(moment, record);
  EXPECT_LE(packet.size(), LogWireLimits::packet);
  bool failed = false;
  const auto messages = read_all(packet, &failed);
  EXPECT_FALSE(failed);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(std::get<LogEvent>(messages[0]).record.fields.size(), LogWireLimits::fields);
}

TEST(LogWire, PacketsHoldWholeMessagesOnly) {
  std::string messages;
  const auto one = encode(moment, {LogLevel::info, "x", {{"text", std::string(1'000, 'x')}}});
  for (int i = 0; i < 200; ++i) messages += one;
  std::size_t count = 0;
  for (std::string_view rest = messages; !rest.empty();) {
    const auto packet = next_packet(rest);
    ASSERT_FALSE(packet.empty());
    ASSERT_LE(packet.size(), LogWireLimits::packet);
    count += read_all(packet).size();
    rest.remove_prefix(packet.size());
  }
  EXPECT_EQ(count, 200U);
}

TEST(LogWire, AHostilePacketGivesNoMoreThanItsWholeMessages) {
  const auto good = encode(moment, {LogLevel::info, "good", {{"a", "b"}, {"n", 1}}});
  for (std::size_t cut = 1; cut < good.size(); ++cut) {
    bool failed = false;
    EXPECT_EQ(read_all(good + good.substr(0, cut), &failed).size(), 1U) << cut;
    EXPECT_TRUE(failed) << cut;
  }
  std::mt19937 random{3};
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = good;
    for (int flips = 0; flips < 3; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    for (const auto& message : read_all(bytes)) {
      const auto* event = std::get_if<LogEvent>(&message);
      if (event == nullptr) continue;
      const auto line = render(event->time, event->record, LogFormat::json);
      EXPECT_EQ(line.find_first_of("\n\r"), std::string::npos);
    }
  }
}

class LogFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "posthorn-log-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    file_ = folder_ + "/log";
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::string contents(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  static std::size_t lines_with(const std::string& text, std::string_view what) {
    std::size_t count = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
    return count;
  }

  std::string folder_;
  std::string file_;
  SystemClock clock_;
};

TEST_F(LogFileTest, ASinkAppendsAndMakesItsFileForTheGroupToRead) {
  const auto before = ::umask(0);
  auto sink = LogSink::open(file_);
  ::umask(before);
  sink->write("one\n");
  LogSink::open(file_)->write("two\n");
  EXPECT_EQ(contents(file_), "one\ntwo\n");
  EXPECT_EQ(static_cast<unsigned>(fs::status(file_).permissions()), 0640U);
}

TEST_F(LogFileTest, ASinkRefusesLinksAndOtherKinds) {
  fs::create_symlink(folder_ + "/target", file_);
  EXPECT_EQ(LogSink::open(file_).error().kind, Error::Kind::is_link);
  EXPECT_NE(LogSink::open(file_).error().text.find(file_), std::string::npos);
  ASSERT_EQ(::mkfifo((folder_ + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(LogSink::open(folder_ + "/pipe"));
  EXPECT_EQ(LogSink::open(folder_ + "/none/log").error().kind, Error::Kind::not_found);
}

TEST_F(LogFileTest, AReopenedSinkWritesToTheNewFile) {
  auto sink = *LogSink::open(file_);
  sink.write("one\n");
  fs::rename(file_, file_ + ".1");
  sink.write("two\n");
  ASSERT_TRUE(sink.reopen());
  sink.write("three\n");
  EXPECT_EQ(contents(file_ + ".1"), "one\ntwo\n");
  EXPECT_EQ(contents(file_), "three\n");
  fs::remove(file_);
  fs::create_symlink("elsewhere", file_);
  EXPECT_EQ(sink.reopen().error().kind, Error::Kind::is_link);
}

/// A limit on the size of files stands in for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    action_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = size, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, action_);
  }

 private:
  rlimit before_{};
  void (*action_)(int) = SIG_DFL;
};

TEST_F(LogFileTest, LinesThatDoNotFitAreCountedAndNoneIsCutInHalf) {
  auto sink = *LogSink::open(file_);
  {
    const FileSizeLimit limit{10};
    sink.write("1234\n");
    sink.write("5678\n90\nlast\n");
    EXPECT_EQ(sink.take_lost(), 2U);
    EXPECT_NE(sink.why_lost(), "");
  }
  sink.write("again\n");
  EXPECT_EQ(sink.take_lost(), 0U);
  EXPECT_EQ(contents(file_), "1234\n5678\nagain\n");
}

TEST_F(LogFileTest, WhatWasLostIsReportedWhenThereIsRoomAgain) {
  LogReception reception{*LogSink::open(file_), LogFormat::text, clock_};
  const auto line = encode(moment, {LogLevel::info, "x", {}});
  {
    const FileSizeLimit limit{40};
    for (int i = 0; i < 5; ++i) reception.take_packet(line);
  }
  reception.take_packet(line);
  const auto text = contents(file_);
  EXPECT_EQ(lines_with(text, " info x\n"), 2U) << text;
  EXPECT_EQ(lines_with(text, "warning log.lost lines=4 error="), 1U) << text;
}

TEST_F(LogFileTest, EachLineGoesToTheFileOfItsNumberOrElseToTheMainOne) {
  const auto own = file_ + ".own";
  std::vector<std::optional<LogSink>> journals;
  journals.emplace_back();
  journals.emplace_back(*LogSink::open(own));
  LogReception reception{*LogSink::open(file_), LogFormat::text, clock_, std::move(journals)};
  std::string packet;
  for (const JournalNumber number :
       {main_journal, JournalNumber{1}, JournalNumber{2}, JournalNumber{3}, JournalNumber{65'535}}) {
    packet += encode(moment, {LogLevel::info, "x", {{"number", number}}}, number);
  }
  reception.take_packet(packet);
  for (const auto* number : {"0", "1", "3", "65535"}) {
    EXPECT_EQ(lines_with(contents(file_), std::string("number=") + number + "\n"), 1U) << contents(file_);
  }
  EXPECT_EQ(lines_with(contents(own), "number=2\n"), 1U);
  EXPECT_EQ(lines_with(contents(own), "number="), 1U);

  fs::rename(own, own + ".1");
  reception.take_packet(encode(ReopenLog{}) + packet);
  EXPECT_EQ(lines_with(contents(own), "number=2\n"), 1U);
}

TEST_F(LogFileTest, AJournalHasALevelAndAFileOfItsOwn) {
  const auto own = file_ + ".own";
  auto process = *LogProcess::start({.file = file_, .journals = {own, ""}, .format = LogFormat::text, .account = {}});
  {
    QueuedLog log{clock_, process.take_socket(), {.level = LogLevel::info}};
    JournalLog talkative{log, 1, LogLevel::debug};
    JournalLog silent{log, 2, LogLevel::error};
    for (world::Log* each : std::initializer_list<world::Log*>{&log, &talkative, &silent}) {
      each->debug("test.debug", {});
      each->info("test.info", {});
      each->error("test.error", {});
    }
    silent.set_level(LogLevel::info);
    silent.info("test.late", {});
  }
  EXPECT_TRUE(process.wait(20s));
  EXPECT_EQ(lines_with(contents(own), " test."), 3U) << contents(own);
  EXPECT_EQ(lines_with(contents(file_), "test.debug"), 0U);
  EXPECT_EQ(lines_with(contents(file_), "test.info"), 1U);
  EXPECT_EQ(lines_with(contents(file_), "test.error"), 2U);
  EXPECT_EQ(lines_with(contents(file_), "test.late"), 1U);
}

TEST_F(LogFileTest, AJournalThatCannotBeOpenedIsRefused) {
  fs::create_symlink(file_ + ".elsewhere", file_ + ".own");
  const auto process =
      LogProcess::start({.file = file_, .journals = {file_ + ".own"}, .format = LogFormat::text, .account = {}});
  ASSERT_FALSE(process);
  EXPECT_NE(process.error().text.find(file_ + ".own"), std::string::npos) << process.error().text;
}

TEST_F(LogFileTest, RubbishIsReportedAndTheRestGoesOn) {
  LogReception reception{*LogSink::open(file_), LogFormat::text, clock_};
  reception.take_packet("rubbish");
  reception.take_packet(encode(ChangeLogFormat{LogFormat::json}) + encode(moment, {LogLevel::info, "x", {}}));
  const auto text = contents(file_);
  EXPECT_EQ(lines_with(text, "log.unreadable packets=1\n"), 1U) << text;
  EXPECT_EQ(lines_with(text, R"("event":"x")"), 1U) << text;
}

TEST_F(LogFileTest, TheProcessWritesWhatWasQueuedAndEndsWithItsSenders) {
  auto process = *LogProcess::start({.file = file_, .format = LogFormat::text, .account = {}});
  constexpr int threads = 4;
  constexpr int lines = 2'000;
  {
    QueuedLog log{clock_, process.take_socket(), {.level = LogLevel::info}};
    std::vector<Thread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back("writer", [&log] {
        for (int i = 0; i < lines; ++i) log.info("test.line", {{"number", i}});
      });
    }
    log.debug("test.hidden", {});
    for (auto& writer : writers) writer.join();
    log.set_level(LogLevel::debug);
    log.debug("test.shown", {});
    log.set_format(LogFormat::json);
    log.info("test.json", {});
    EXPECT_EQ(log.dropped(), 0U);
  }
  EXPECT_TRUE(process.wait(20s));
  const auto text = contents(file_);
  EXPECT_EQ(lines_with(text, " info test.line "), static_cast<std::size_t>(threads * lines));
  EXPECT_EQ(lines_with(text, "test.hidden"), 0U);
  EXPECT_EQ(lines_with(text, "test.shown"), 1U);
  EXPECT_EQ(lines_with(text, R"("event":"test.json")"), 1U);
}

TEST_F(LogFileTest, TheProcessOutlivesStopsAndReopensOnHangUp) {
  auto process = *LogProcess::start({.file = file_, .format = LogFormat::text, .account = {}});
  auto log = std::make_unique<QueuedLog>(clock_, process.take_socket(), QueuedLogSettings{});
  const auto wait_for = [](const std::string& path) {
    while (!fs::exists(path) || fs::file_size(path) == 0) std::this_thread::yield();
  };
  log->info("one", {});
  wait_for(file_);
  ::kill(process.pid(), SIGTERM);
  ::kill(process.pid(), SIGINT);
  fs::rename(file_, file_ + ".1");
  ::kill(process.pid(), SIGHUP);
  while (!fs::exists(file_)) std::this_thread::yield();
  log->info("two", {});
  wait_for(file_);
  fs::rename(file_, file_ + ".2");
  log->reopen();
  log->info("three", {});
  log.reset();
  EXPECT_TRUE(process.wait(20s));
  EXPECT_EQ(lines_with(contents(file_ + ".1"), "info one"), 1U);
  EXPECT_EQ(lines_with(contents(file_ + ".2"), "info two"), 1U);
  EXPECT_EQ(lines_with(contents(file_), "info three"), 1U);
}

TEST_F(LogFileTest, AQueueThatIsFullDropsAndCountsAndSaysSoLater) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Descriptor reader{ends[0]};
  auto log = std::make_unique<QueuedLog>(
      clock_, Descriptor{ends[1]}, QueuedLogSettings{.buffer = 20'000, .urgent_buffer = 10'000, .last_wait = 20s});
  const std::string text(1'000, 'x');
  while (log->dropped() == 0) log->info("flood", {{"text", text}});
  const auto dropped = log->dropped();
  log->error("urgent", {{"text", text}});
  EXPECT_EQ(log->dropped(), dropped) << "warnings and errors have room of their own";
  Thread ender{"ender", [&log] { log.reset(); }};
  std::size_t urgent = 0;
  std::uint64_t reported = 0;
  std::array<char, LogWireLimits::packet> packet{};
  for (;;) {
    const auto got = ::recv(reader.get(), packet.data(), packet.size(), 0);
    if (got <= 0) break;
    for (const auto& message : read_all({packet.data(), static_cast<std::size_t>(got)})) {
      const auto& record = std::get<LogEvent>(message).record;
      if (record.event == "urgent") ++urgent;
      if (record.event == "log.dropped")
        reported += static_cast<std::uint64_t>(std::get<std::int64_t>(record.fields.at(0).value));
    }
  }
  EXPECT_EQ(urgent, 1U);
  EXPECT_EQ(reported, dropped);
}

TEST_F(LogFileTest, WithoutAReaderTheEndIsNotWaitedForLong) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Descriptor reader{ends[0]};
  const auto start = clock_.now();
  {
    QueuedLog log{clock_, Descriptor{ends[1]}, {.last_wait = 50ms}};
    const std::string text(3'000, 'x');
    for (int i = 0; i < 1'000; ++i) log.info("flood", {{"text", text}});
  }
  EXPECT_LT(clock_.now() - start, 20s);
}

TEST_F(LogFileTest, ADeadLogProcessIsReplaced) {
  auto first = *LogProcess::start({.file = file_, .format = LogFormat::text, .account = {}});
  auto log = std::make_unique<QueuedLog>(clock_, first.take_socket(), QueuedLogSettings{});
  ::kill(first.pid(), SIGKILL);
  ASSERT_TRUE(first.wait(20s));
  log->error("to.nobody", {});
  auto second = *LogProcess::start({.file = file_, .format = LogFormat::text, .account = {}});
  log->reconnect(second.take_socket());
  for (int i = 0; i < 10; ++i) log->error("to.the_second", {});
  log.reset();
  EXPECT_TRUE(second.wait(20s));
  EXPECT_GE(lines_with(contents(file_), "to.the_second"), 1U);
}

}  // namespace
}  // namespace posthorn::system
