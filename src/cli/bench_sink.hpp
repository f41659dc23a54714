// `posthorn bench sink`: the options, the loops, the totals at the end.
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace posthorn::cli {

struct BenchSinkOptions {
  std::string address = "127.0.0.1:2526";
  std::vector<std::string> refusals, delays, drops;
  std::string greylist;
  std::string tls = "none";
  std::string certificate, key;
  std::string hostname = "sink.invalid";
  std::string timeout = "5m";
  std::string message_limit;
  std::uint64_t messages = 0;
  bool no_pipelining = false;
  unsigned threads = 1;
  bool json = false;
};

void declare(CLI::App& app, BenchSinkOptions& into);
[[nodiscard]] ExitStatus run_bench_sink(const BenchSinkOptions& options, Console& console);

}  // namespace posthorn::cli
