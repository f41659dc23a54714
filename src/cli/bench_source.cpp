#include "cli/bench_source.hpp"

#include "base/ascii.hpp"
#include "cli/client_world.hpp"
#include "cli/send_options.hpp"
#include "config/kinds.hpp"
#include "mail/address.hpp"
#include "service/load_source.hpp"
#include "system/thread.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t largest_message = 1ULL << 30;
constexpr unsigned most_threads = 64;
constexpr std::uint32_t most_connections = 50'000;

std::unexpected<Refusal> refuse(std::string text) {
  return std::unexpected(Refusal{ExitStatus::usage, std::move(text)});
}

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double milliseconds(Duration duration) { return seconds(duration) * 1000; }

/// "4KiB", or "1KiB-64KiB".
Judged<std::pair<std::uint64_t, std::uint64_t>> parse_sizes(const std::string& text) {
  const auto dash = text.find('-');
  const auto octets = [](const std::string& size) {
    const auto plain = ascii::to_number(size);
    return plain ? plain : config::parse_size(size);
  };
  const auto least = octets(text.substr(0, dash));
  const auto most = dash == std::string::npos ? least : octets(text.substr(dash + 1));
  if (!least || !most || *most < *least || *most > largest_message) {
    return refuse("--size is a size such as 4KiB, or a range such as 1KiB-64KiB, of at most 1GiB");
  }
  return std::pair{*least, *most};
}

/// What a command line would be broken by is no pattern.
bool is_pattern(const std::string& text) {
  std::string filled = text;
  if (const auto at = filled.find('%'); at != std::string::npos) filled.replace(at, 1, "18446744073709551615");
  return mail::Address::parse(filled).has_value();
}

service::LoadPipelining pipelining_of(const BenchSourceOptions& options) {
  if (options.pipelining) return service::LoadPipelining::always;
  return options.step_by_step ? service::LoadPipelining::never : service::LoadPipelining::where_offered;
}

Judged<service::LoadOrder> judge_order(const BenchSourceOptions& options) {
  service::LoadOrder order{.connections = options.connections,
                           .per_connection = options.per_connection,
                           .recipients = options.recipients,
                           .rate = options.rate,
                           .sender = options.sender,
                           .recipient = options.recipient,
                           .pipelining = pipelining_of(options)};
  const auto sizes = parse_sizes(options.size);
  if (!sizes) return std::unexpected(sizes.error());
  std::tie(order.least_octets, order.most_octets) = *sizes;
  const auto messages = ascii::to_number(options.messages);
  if (!messages) return refuse("--messages is a number; 0: until --time is over");
  order.messages = *messages;
  if (!options.time.empty()) {
    const auto time = parse_wait("--time", options.time);
    if (!time) return std::unexpected(time.error());
    order.time = *time;
  }
  if (order.messages == 0 && options.time.empty()) return refuse("--messages 0 needs --time");
  if (order.connections == 0 || order.connections > most_connections)
    return refuse("--connections is a number from 1 to 50000");
  if (order.recipients == 0 || order.recipients > 10'000) return refuse("--recipients is a number from 1 to 10000");
  if (options.threads == 0 || options.threads > most_threads) return refuse("--threads is a number from 1 to 64");
  if (order.rate < 0) return refuse("--rate is a number of messages a second");
  if (!is_pattern(order.sender)) return refuse("--from is no address");
  if (!is_pattern(order.recipient)) return refuse("--to is no address");
  return order;
}

Judged<service::ServerAccess> judge_access(const BenchSourceOptions& options) {
  service::ServerAccess access{.host = without_brackets(options.server), .hello_name = options.hello_name};
  if (access.hello_name.empty()) access.hello_name = own_hello_name();
  if (!mail::Domain::parse(access.hello_name)) return refuse("--ehlo: that is no host name");
  const auto tls = service::parse_client_tls(options.tls);
  if (!tls) return refuse("--tls is none, starttls, require or implicit");
  access.tls = *tls;
  access.extended_hello = !options.helo;
  const auto timeout = parse_wait("--timeout", options.timeout);
  if (!timeout) return std::unexpected(timeout.error());
  access.timeout = *timeout;
  const auto port = options.port.empty() ? std::optional<std::uint64_t>{*tls == service::ClientTls::implicit ? 465 : 25}
                                         : ascii::to_number(options.port);
  if (!port || *port == 0 || *port > 65'535) return refuse("PORT is a number from 1 to 65535");
  auto endpoints = find_endpoints(access.host, static_cast<std::uint16_t>(*port), system::HostFamily::any, *timeout);
  if (!endpoints) return std::unexpected(Refusal{ExitStatus::no_host, endpoints.error().text});
  // One address: figures of two servers, or of one by two ways, would say nothing of either.
  access.endpoints = {endpoints->front()};
  return access;
}

/// A thread's share of a number.
std::uint64_t share(std::uint64_t whole, unsigned threads, unsigned place) {
  return whole / threads + (place < whole % threads ? 1 : 0);
}

/// One loop's part, on the thread that calls it.
void work(const service::ServerAccess& access, service::LoadOrder order, std::unique_ptr<ClientWorld> world,
          service::LoadResult& into) {
  system::KernelRandom random;
  service::LoadSource source(world->network(), random, access, order);
  into = world->run(source.run());
}

Result<service::LoadResult> run_all(const service::ServerAccess& access, const service::LoadOrder& order,
                                    unsigned threads) {
  threads = std::min<unsigned>(threads, order.connections);
  std::vector<std::unique_ptr<ClientWorld>> worlds;
  for (unsigned place = 0; place < threads; ++place) {
    auto world = ClientWorld::make();
    if (!world) return failure(std::move(world.error()));
    worlds.push_back(std::move(*world));
  }
  std::vector<service::LoadResult> results(threads);
  std::vector<system::Thread> others;
  for (unsigned place = threads; place-- > 0;) {
    auto part = order;
    part.connections = static_cast<std::uint32_t>(share(order.connections, threads, place));
    part.messages = share(order.messages, threads, place);
    part.rate = order.rate / threads;
    if (order.messages > 0 && part.messages == 0) continue;
    if (place == 0) {
      work(access, part, std::move(worlds[place]), results[place]);
    } else {
      others.emplace_back("load", [&access, part, world = std::move(worlds[place]), &into = results[place]]() mutable {
        work(access, part, std::move(world), into);
      });
    }
  }
  for (auto& other : others) other.join();
  service::LoadResult all;
  for (const auto& result : results) all.add(result);
  return all;
}

constexpr std::array shares{std::pair{"p50", 0.5}, std::pair{"p90", 0.9}, std::pair{"p99", 0.99},
                            std::pair{"p99.9", 0.999}};

ordered_json json_of(const service::LatencyTally& tally) {
  ordered_json json;
  for (const auto& [name, share_of_all] : shares) json[name] = milliseconds(tally.percentile(share_of_all));
  json["max"] = milliseconds(tally.longest());
  return json;
}

void print_json(const service::LoadResult& result, Console& console) {
  ordered_json refusals = ordered_json::object();
  for (const auto& [code, count] : result.refusals) refusals[std::to_string(code)] = count;
  ordered_json failures = ordered_json::object();
  for (const auto& [why, count] : result.failures) failures[why] = count;
  const auto took = std::max(seconds(result.took), 1e-9);
  const ordered_json json{{"messages", result.messages},
                          {"refused", result.refused},
                          {"recipients", result.recipients},
                          {"octets", result.octets},
                          {"connections", result.connections},
                          {"seconds", seconds(result.took)},
                          {"messages_per_second", static_cast<double>(result.messages) / took},
                          {"octets_per_second", static_cast<double>(result.octets) / took},
                          {"connect_ms", json_of(result.connecting)},
                          {"message_ms", json_of(result.sending)},
                          {"refusals", refusals},
                          {"failures", failures}};
  console.print("{}\n", json.dump(2, ' ', false, ordered_json::error_handler_t::replace));
}

void print_tally(std::string_view what, const service::LatencyTally& tally, Console& console) {
  console.print("{:<10}", what);
  for (const auto& [name, share_of_all] : shares)
    console.print("  {} {:.2f}", name, milliseconds(tally.percentile(share_of_all)));
  console.print("  max {:.2f} ms\n", milliseconds(tally.longest()));
}

void print_report(const service::LoadResult& result, Console& console) {
  const auto took = std::max(seconds(result.took), 1e-9);
  console.print("{} messages taken, {} refused, over {} connections in {:.2f} s\n", result.messages, result.refused,
                result.connections, seconds(result.took));
  console.print("{:.0f} messages/s, {:.2f} MiB/s\n", static_cast<double>(result.messages) / took,
                static_cast<double>(result.octets) / took / (1U << 20));
  print_tally("connect", result.connecting, console);
  print_tally("message", result.sending, console);
  for (const auto& [code, count] : result.refusals) console.print("reply {}: {} times\n", code, count);
  for (const auto& [why, count] : result.failures) console.print("{}: {} times\n", why, count);
}

}  // namespace

void declare(CLI::App& app, BenchSourceOptions& into) {
  app.add_option("SERVER", into.server, "the server: a name or an address")->required();
  app.add_option("PORT", into.port, "the port; default 25, with --tls implicit 465");
  app.add_option("--connections", into.connections, "at once")->capture_default_str();
  app.add_option("--messages", into.messages, "in all; 0: until --time is over")->capture_default_str();
  app.add_option("--per-connection", into.per_connection, "messages before a new connection is made; 0: all on one");
  app.add_option("--size", into.size, "of a message's text, or a range such as 1KiB-64KiB")->capture_default_str();
  app.add_option("--recipients", into.recipients, "of each message")->capture_default_str();
  app.add_option("--time", into.time, "begin nothing new after this, such as 30s");
  app.add_option("--rate", into.rate, "messages a second at most; 0: as many as go");
  auto* pipelining =
      app.add_flag("--pipelining", into.pipelining,
                   "MAIL, RCPT and DATA in one piece with the text before, even where it is not offered");
  app.add_flag("--no-pipelining", into.step_by_step, "wait for each reply, even where pipelining is offered")
      ->excludes(pipelining);
  app.add_option("--tls", into.tls, "none, starttls (where it is offered), require, implicit")->capture_default_str();
  app.add_option("--from", into.sender, "the sender; % becomes the message's number")->capture_default_str();
  app.add_option("--to", into.recipient, "the recipient; % becomes the recipient's number")->capture_default_str();
  app.add_option("--ehlo", into.hello_name, "the name to greet with; default: this machine's");
  app.add_flag("--helo", into.helo, "greet with HELO");
  app.add_option("--timeout", into.timeout, "limit of each wait")->capture_default_str();
  app.add_option("--threads", into.threads, "that share the connections")->capture_default_str();
  app.add_flag("--json", into.json, "print the report as JSON");
}

ExitStatus run_bench_source(const BenchSourceOptions& options, Console& console) {
  const auto refused = [&console](const Refusal& refusal) {
    console.complain("{}", refusal.text);
    return refusal.status;
  };
  const auto order = judge_order(options);
  if (!order) return refused(order.error());
  const auto access = judge_access(options);
  if (!access) return refused(access.error());
  const auto result = run_all(*access, *order, options.threads);
  if (!result) return refused({ExitStatus::system_fault, result.error().text});
  options.json ? print_json(*result, console) : print_report(*result, console);
  if (result->messages == 0 && result->connections == 0) return ExitStatus::unavailable;
  const bool is_whole = order->messages == 0 || result->messages + result->refused >= order->messages;
  return is_whole && result->refused == 0 ? ExitStatus::ok : ExitStatus::failed;
}

}  // namespace posthorn::cli
