#include "cli/bench_sink.hpp"

#include "base/ascii.hpp"
#include "cli/error_status.hpp"
#include "cli/send_options.hpp"
#include "config/kinds.hpp"
#include "mail/domain.hpp"
#include "service/load_sink.hpp"
#include "system/clock.hpp"
#include "system/event_loop.hpp"
#include "system/listeners.hpp"
#include "system/process.hpp"
#include "system/signals.hpp"
#include "system/socket_network.hpp"
#include "system/stream_environment.hpp"
#include "system/temporary_certificate.hpp"
#include "system/thread.hpp"
#include "system/tls_identities.hpp"
#include "system/worker_threads.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace posthorn::cli {
namespace {

constexpr unsigned most_threads = 64;
constexpr Duration look_at_count = std::chrono::milliseconds{20};

std::unexpected<Refusal> refuse(std::string text) {
  return std::unexpected(Refusal{ExitStatus::usage, std::move(text)});
}

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<double> parse_percent(const std::string& text) {
  double percent = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const bool is_number = fault == std::errc{} && end == text.data() + text.size();
  return is_number && percent >= 0 && percent <= 100 ? std::optional{percent} : std::nullopt;
}

/// "STAGE:VALUE[:PERCENT]", or "STAGE[:PERCENT]" where there is no value.
Judged<service::SinkAct> parse_act(std::string_view option, const std::string& text, service::SinkAct::What what) {
  const bool has_value = what != service::SinkAct::What::drop;
  const auto parts = parts_of(text);
  const auto stage = service::parse_sink_stage(parts.front());
  if (!stage) return refuse(fmt::format("{}: the stages are connect, ehlo, mail, rcpt, data, dot, quit", option));
  service::SinkAct act{.stage = *stage, .what = what};
  const std::size_t with_percent = has_value ? 3 : 2;
  if (parts.size() < with_percent - 1 || parts.size() > with_percent) {
    return refuse(fmt::format("{} is STAGE{}[:PERCENT]", option, has_value ? ":VALUE" : ""));
  }
  if (parts.size() == with_percent) {
    const auto percent = parse_percent(parts.back());
    if (!percent) return refuse(fmt::format("{}: a percentage goes from 0 to 100", option));
    act.percent = *percent;
  }
  if (what == service::SinkAct::What::delay) {
    const auto wait = parse_wait(option, parts[1]);
    if (!wait) return std::unexpected(wait.error());
    act.wait = *wait;
  }
  if (what == service::SinkAct::What::refuse) {
    const auto code = ascii::to_number(parts[1]);
    if (!code || *code < 400 || *code > 599)
      return refuse(fmt::format("{}: a refusal has a code from 400 to 599", option));
    act.code = static_cast<unsigned>(*code);
  }
  return act;
}

Judged<service::SinkScript> judge(const BenchSinkOptions& options) {
  service::SinkScript script{.acts = {}, .hostname = options.hostname, .identities = nullptr};
  using What = service::SinkAct::What;
  // A delay before the refusal of the same reply.
  for (const auto& [option, texts, what] :
       {std::tuple{"--delay", &options.delays, What::delay}, std::tuple{"--drop", &options.drops, What::drop},
        std::tuple{"--refuse", &options.refusals, What::refuse}}) {
    for (const auto& text : *texts) {
      const auto act = parse_act(option, text, what);
      if (!act) return std::unexpected(act.error());
      script.acts.push_back(*act);
    }
  }
  if (!options.greylist.empty()) {
    const auto wait = parse_wait("--greylist", options.greylist);
    if (!wait) return std::unexpected(wait.error());
    script.greylist = *wait;
  }
  const auto timeout = parse_wait("--timeout", options.timeout);
  if (!timeout) return std::unexpected(timeout.error());
  script.timeout = *timeout;
  if (!options.message_limit.empty()) {
    const auto limit = config::parse_size(options.message_limit);
    if (!limit) return refuse("--size-limit is a size such as 10MiB");
    script.message_limit = *limit;
  }
  if (!mail::Domain::parse(options.hostname)) return refuse("--hostname: that is no host name");
  if (options.threads == 0 || options.threads > most_threads) return refuse("--threads is a number from 1 to 64");
  if (options.tls != "none" && options.tls != "starttls" && options.tls != "implicit")
    return refuse("--tls is none, starttls or implicit");
  script.tls_from_first_byte = options.tls == "implicit";
  script.pipelining = !options.no_pipelining;
  return script;
}

Result<std::shared_ptr<world::TlsIdentities>> load_identities(const BenchSinkOptions& options) {
  const system::SystemClock clock;
  if (options.certificate.empty()) return system::temporary_identities(options.hostname, clock);
  auto loaded = system::TlsIdentityStore::load(
      {.identities = {{.names = {}, .certificate = options.certificate, .key = options.key}}}, clock.now());
  if (!loaded) return failure(std::move(loaded.error()));
  return std::shared_ptr<world::TlsIdentities>(std::move(*loaded));
}

/// The sockets, loops and sinks of all threads; destroyed in the opposite order.
class Sinks {
 public:
  Sinks(const service::SinkScript& script, service::SinkTally& tally) : script_(script), tally_(tally) {}
  ~Sinks() { handshakes_.end(); }
  Sinks(const Sinks&) = delete;
  Sinks& operator=(const Sinks&) = delete;

  Result<> make(const Endpoint& address, unsigned threads) {
    const std::vector<system::ListenAddress> asked{{address, {}}};
    auto bound = system::bind_listeners(asked, {.loops = threads});
    if (!bound) return failure(std::move(bound.error()));
    local_ = std::get<Endpoint>(bound->front().local);
    for (unsigned place = 0; place < threads; ++place) {
      auto loop = system::EventLoop::make(clock_);
      if (!loop) return failure(std::move(loop.error()));
      loops_.push_back(std::move(*loop));
      environments_.push_back(std::make_unique<system::StreamEnvironment>(*loops_.back(), handshakes_));
      auto acceptor =
          system::SocketAcceptor::make(*environments_.back(), std::move(bound->front().sockets.at(place)), local_);
      if (!acceptor) return failure(std::move(acceptor.error()));
      std::vector<std::unique_ptr<world::Acceptor>> acceptors;
      acceptors.push_back(std::move(*acceptor));
      sinks_.push_back(std::make_unique<service::LoadSink>(
          service::LoadSink::World{*loops_.back(), random_, script_, tally_, greylist_}, std::move(acceptors)));
    }
    return {};
  }

  /// Until a signal, or until `messages` have come (0: never).
  ExitStatus run(std::uint64_t messages) {
    std::vector<system::Thread> threads;
    for (std::size_t place = 0; place < loops_.size(); ++place)
      loops_[place]->post([&sink = *sinks_[place]] { sink.start(); });
    for (std::size_t place = 1; place < loops_.size(); ++place) {
      threads.emplace_back("sink", [&loop = *loops_[place]] { loop.run(); });
    }
    const auto status = system::run_to_end(*loops_.front(), wait(messages));
    for (auto& loop : loops_) loop->stop();
    for (auto& thread : threads) thread.join();
    return status;
  }

  [[nodiscard]] const Endpoint& local() const { return local_; }

 private:
  world::Task<ExitStatus> wait(std::uint64_t messages) {
    auto signals = system::SignalWatch::make(*loops_.front());
    if (!signals) co_return ExitStatus::system_fault;
    world::TaskGroup watching;
    if (messages > 0) watching.start(close_when(messages, **signals));
    static_cast<void>(co_await (*signals)->next());
    done_ = true;
    while (!watching.empty()) co_await world::sleep_until(*loops_.front(), after(loops_.front()->now(), look_at_count));
    co_return ExitStatus::ok;
  }

  world::Task<> close_when(std::uint64_t messages, system::SignalWatch& signals) {
    while (!done_ && tally_.messages < messages) {
      co_await world::sleep_until(*loops_.front(), after(loops_.front()->now(), look_at_count));
    }
    signals.close();
  }

  const service::SinkScript& script_;
  service::SinkTally& tally_;
  service::Greylist greylist_;
  system::SystemClock clock_;
  system::KernelRandom random_;
  system::WorkerThreads handshakes_{{"handshakes", 1}};
  std::vector<std::unique_ptr<system::EventLoop>> loops_;
  std::vector<std::unique_ptr<system::StreamEnvironment>> environments_;
  std::vector<std::unique_ptr<service::LoadSink>> sinks_;
  Endpoint local_;
  bool done_ = false;
};

void print_totals(const service::SinkTally& tally, bool as_json, Console& console) {
  if (as_json) {
    const nlohmann::ordered_json json{{"messages", tally.messages.load()}, {"recipients", tally.recipients.load()},
                                      {"octets", tally.octets.load()},     {"connections", tally.connections.load()},
                                      {"refused", tally.refused.load()},   {"dropped", tally.dropped.load()}};
    console.print("{}\n", json.dump(2));
    return;
  }
  console.print("{} messages for {} recipients, {} octets, over {} connections; {} refusals, {} connections dropped\n",
                tally.messages.load(), tally.recipients.load(), tally.octets.load(), tally.connections.load(),
                tally.refused.load(), tally.dropped.load());
}

}  // namespace

void declare(CLI::App& app, BenchSinkOptions& into) {
  app.add_option("ADDRESS", into.address, "where to listen, ADDRESS:PORT; port 0: any that is free")
      ->capture_default_str();
  app.add_option("--greylist", into.greylist, "tell each new client, sender and recipient to come back after this");
  app.add_option("--refuse", into.refusals, "STAGE:CODE[:PERCENT], as rcpt:450:10; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--delay", into.delays, "STAGE:TIME[:PERCENT], as dot:2s; may be repeated")->allow_extra_args(false);
  app.add_option("--drop", into.drops, "STAGE[:PERCENT]: close the connection instead of the reply; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--tls", into.tls, "none, starttls (offered), implicit")->capture_default_str();
  app.add_option("--certificate", into.certificate, "to show, PEM; default: one that is made for this run");
  app.add_option("--key", into.key, "its private key, PEM; default: in the certificate's file");
  app.add_option("--hostname", into.hostname, "to greet with")->capture_default_str();
  app.add_option("--size-limit", into.message_limit, "announce this by SIZE");
  app.add_flag("--no-pipelining", into.no_pipelining, "do not offer PIPELINING");
  app.add_option("--timeout", into.timeout, "a client that is silent for so long is left")->capture_default_str();
  app.add_option("--messages", into.messages, "end when so many have come");
  app.add_option("--threads", into.threads, "that share the port")->capture_default_str();
  app.add_flag("--json", into.json, "print the totals as JSON");
}

ExitStatus run_bench_sink(const BenchSinkOptions& options, Console& console) {
  auto script = judge(options);
  if (!script) {
    console.complain("{}", script.error().text);
    return script.error().status;
  }
  const auto address = Endpoint::parse(options.address);
  if (!address) {
    console.complain("ADDRESS is an address and a port, such as 127.0.0.1:2526 or [::1]:2526");
    return ExitStatus::usage;
  }
  system::prepare_signals();
  static_cast<void>(system::raise_descriptor_limit());
  const auto refused = [&console](const Error& error) {
    console.complain("{}", error.text);
    return status_of(error);
  };
  if (options.tls != "none") {
    auto identities = load_identities(options);
    if (!identities) return refused(identities.error());
    script->identities = std::move(*identities);
  }
  service::SinkTally tally;
  Sinks sinks(*script, tally);
  if (const auto made = sinks.make(*address, options.threads); !made) return refused(made.error());
  console.remark("posthorn bench sink ready {}\n", sinks.local().to_string());
  const auto status = sinks.run(options.messages);
  print_totals(tally, options.json, console);
  return status;
}

}  // namespace posthorn::cli
