#include "cli/bench_command.hpp"

#include "cli/bench_sink.hpp"
#include "cli/bench_source.hpp"
#include "cli/options.hpp"

#include <csignal>

namespace posthorn::cli {
namespace {

constexpr const char* purpose =
    "Measures mail servers: \"source\" sends messages of its own making over many connections and tells how fast they "
    "were taken "
    "and how long each took; \"sink\" is a server that takes everything and keeps nothing, and that refuses, waits or "
    "breaks off "
    "where it is told to.";

constexpr const char* ending =
    "Exit status: 0 all was taken; 1 not all of it; 64 wrong usage; 68 the host is not known; 69 the server cannot be "
    "reached.\n\n"
    "Examples:\n"
    "  posthorn bench sink 127.0.0.1:2526 --refuse rcpt:450:10 --delay dot:100ms\n"
    "  posthorn bench source 127.0.0.1 2526 --connections 50 --messages 100000 --per-connection 100 --pipelining\n"
    "  posthorn bench source mail.example.org --tls starttls --rate 20 --messages 0 --time 1m --to probe@example.org";

}  // namespace

ExitStatus run_bench(const Invocation& invocation, Console& console) {
  Options options(invocation, purpose);
  auto& app = options.app();
  app.require_subcommand(1);
  app.footer(ending);
  BenchSourceOptions source;
  BenchSinkOptions sink;
  auto* source_app = app.add_subcommand("source", "sends messages and measures how they are taken");
  auto* sink_app = app.add_subcommand("sink", "takes messages, counts them and throws them away");
  declare(*source_app, source);
  declare(*sink_app, sink);
  if (const auto status = options.read(console)) return *status;
  std::signal(SIGPIPE, SIG_IGN);
  return source_app->parsed() ? run_bench_source(source, console) : run_bench_sink(sink, console);
}

}  // namespace posthorn::cli
