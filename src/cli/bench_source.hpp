// `posthorn bench source`: the options, the loops, the report.
#pragma once

#include "cli/console.hpp"
#include "cli/exit_status.hpp"

#include <CLI/App.hpp>

#include <cstdint>
#include <string>

namespace posthorn::cli {

struct BenchSourceOptions {
  std::string server;
  std::string port;
  std::uint32_t connections = 20;
  std::string messages = "1000";
  std::uint64_t per_connection = 0;
  std::string size = "4KiB";
  std::uint32_t recipients = 1;
  std::string time;
  double rate = 0;
  bool pipelining = false;
  bool step_by_step = false;
  std::string tls = "none";
  std::string sender = "source@load.invalid";
  std::string recipient = "sink%@load.invalid";
  std::string hello_name;
  std::string timeout = "60s";
  bool helo = false;
  unsigned threads = 1;
  bool json = false;
};

void declare(CLI::App& app, BenchSourceOptions& into);
[[nodiscard]] ExitStatus run_bench_source(const BenchSourceOptions& options, Console& console);

}  // namespace posthorn::cli
