#include "cli/queue_command.hpp"

#include "base/clean_text.hpp"
#include "cli/control_call.hpp"
#include "cli/import_folder.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "cli/queue_table.hpp"
#include "cli/send_work.hpp"
#include "service/recipient_steps.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;
using service::OperatorAction;

struct Request {
  std::string config;
  std::string socket;
  std::vector<std::string> ids;
  bool all = false;
  bool as_json = false;
  std::optional<std::string> sender;
  std::optional<std::string> recipient;
  std::optional<std::string> domain;
  std::optional<std::string> status;

  // import-folder
  std::string folder;
  std::string server;
  std::uint32_t every_seconds = 0;

  [[nodiscard]] bool has_filter() const { return sender || recipient || domain; }
};

/// Where the server listens: what was said, else what the configuration says.
std::optional<ExitStatus> find_socket(Request& request, Console& console) {
  if (!request.socket.empty()) return std::nullopt;
  const auto configuration = load_configuration(request.config);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  request.socket = configuration->admin.socket;
  return std::nullopt;
}

std::string list_target(const Request& request) {
  std::string target = "/api/queue";
  char before = '?';
  for (const auto& id : request.ids) {
    target += fmt::format("{}id={}", before, query_text(id));
    before = '&';
  }
  for (const auto& [key, value] : {std::pair{"sender", &request.sender},
                                   {"recipient", &request.recipient},
                                   {"domain", &request.domain},
                                   {"status", &request.status}}) {
    if (!*value) continue;
    target += fmt::format("{}{}={}", before, key, query_text(**value));
    before = '&';
  }
  return target;
}

ExitStatus list(const Request& request, Console& console) {
  QueueTable table(console);
  std::string head;  // of a refusal, which is short
  const auto status = call_control(request.socket, {"GET", list_target(request)}, [&](std::string_view octets) {
    if (head.size() < 4096) head += octets.substr(0, 4096);
    request.as_json ? console.print("{}", octets) : table.take(octets);
  });
  if (!status) return tell_no_answer(status.error(), request.socket, console);
  if (*status != 200) return tell_refusal(*status, head, console);
  if (!request.as_json) table.end();
  return ExitStatus::ok;
}

ExitStatus show(const Request& request, Console& console) {
  auto result = ExitStatus::ok;
  for (const auto& id : request.ids) {
    std::string body;
    const auto status = call_control(request.socket, {"GET", "/api/queue/" + query_text(id)},
                                     [&](std::string_view octets) { body += octets; });
    if (!status) return tell_no_answer(status.error(), request.socket, console);
    if (*status != 200) {
      result = tell_refusal(*status, body, console);
    } else if (request.as_json) {
      console.print("{}", body);
    } else {
      print_message(body, console);
    }
  }
  return result;
}

std::string change_body(const Request& request) {
  auto body = ordered_json::object();
  if (!request.ids.empty()) body["ids"] = request.ids;
  if (request.all) body["all"] = true;
  if (request.sender) body["sender"] = *request.sender;
  if (request.recipient) body["recipient"] = *request.recipient;
  if (request.domain) body["domain"] = *request.domain;
  return body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::uint64_t number_of(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text_of(const ordered_json& value) {
  return value.is_string() ? LogText(value.get_ref<const std::string&>()).text() : std::string{};
}

std::vector<ordered_json> array_of(const ordered_json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return {};
  return {found->begin(), found->end()};
}

void print_tally(const ordered_json& answer, OperatorAction action, Console& console) {
  const auto recipients = number_of(answer, "recipients");
  const auto messages = number_of(answer, "messages");
  console.print("{} {} recipient{} of {} message{}\n", service::past_of(action), recipients, recipients == 1 ? "" : "s",
                messages, messages == 1 ? "" : "s");
}

/// What was not as it should be, and the status that says so.
ExitStatus tell_faults(const ordered_json& answer, Console& console) {
  if (const auto running = number_of(answer, "running"); running > 0) {
    console.remark("{} of them had an attempt under way, which may still succeed\n", running);
  }
  for (auto fault : array_of(answer, "failed")) {
    if (fault.is_object()) console.complain("{}: {}", text_of(fault["id"]), text_of(fault["error"]));
  }
  const auto unknown = array_of(answer, "not_found");
  for (const auto& id : unknown) console.complain("{} is not in the queue", text_of(id));
  if (number_of(answer, "failures") > 0) return ExitStatus::temporary;
  return unknown.empty() ? ExitStatus::ok : ExitStatus::no_input;
}

ExitStatus change(OperatorAction action, const Request& request, Console& console) {
  std::string body;
  const auto target = fmt::format("/api/queue/{}", service::name_of(action));
  const auto status = call_control(request.socket, {"POST", target, change_body(request)},
                                   [&](std::string_view octets) { body += octets; });
  if (!status) return tell_no_answer(status.error(), request.socket, console);
  const auto answer = ordered_json::parse(body, nullptr, false);
  const bool is_tally = answer.is_object() && answer.contains("recipients");
  if (!is_tally) return tell_refusal(*status, body, console);
  if (request.as_json) {
    console.print("{}", body);
  } else {
    print_tally(answer, action, console);
  }
  return tell_faults(answer, console);
}

void add_filter(CLI::App& app, Request& request) {
  app.add_option("--sender", request.sender, "of this sender: an address, @domain, or <> for reports");
  app.add_option("--recipient", request.recipient, "for this recipient: an address, or @domain");
  app.add_option("--domain", request.domain, "for recipients in this domain");
}

/// The mail root: what was said, else what the configuration says.
std::optional<ExitStatus> find_root(Request& request, Console& console) {
  if (!request.folder.empty()) return std::nullopt;
  const auto configuration = load_configuration(request.config);
  if (!configuration) {
    for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
    return configuration.error().status;
  }
  request.folder = configuration->mailbox.root;
  return std::nullopt;
}

/// A server that files mail for elsewhere would put each letter back where it came from.
bool goes_in_circles(const Request& request) {
  if (!request.server.empty()) return false;
  const auto configuration = load_configuration(request.config);
  return configuration && configuration->mailbox.other_servers == config::OtherServers::files;
}

/// One round, or one after another until somebody ends us.
ExitStatus import(Request& request, Console& console) {
  if (const auto status = find_root(request, console)) return *status;
  if (goes_in_circles(request)) {
    console.complain(
        "the server of this configuration puts letters for elsewhere into folders itself "
        "([mailbox] other_servers = \"files\"): name one that sends them, with --server host:port");
    return ExitStatus::configuration;
  }
  const ImportOrder order{request.folder, request.config, request.server, request.as_json};
  auto status = import_folder(order, console);
  while (request.every_seconds > 0) {
    if (!console.flush()) console.drop_output();
    sleep_for(std::chrono::seconds{request.every_seconds});
    status = import_folder(order, console);
  }
  return status;
}

void add_import(CLI::App& app, Request& request) {
  app.add_option("DIR", request.folder, "the mail root that has .OTHER_SERVERS; else that of the configuration");
  app.add_option("--server", request.server, "host:port that takes the letters; else the server of the configuration");
  app.add_option("--every", request.every_seconds, "go on, and look again after so many seconds")
      ->check(CLI::Range(1, 86'400));
}

struct Verb {
  OperatorAction action;
  const char* purpose;
};

constexpr std::array verbs{
    Verb{OperatorAction::hold, "keeps messages back until they are released"},
    Verb{OperatorAction::release, "lets held messages go on; they are tried now"},
    Verb{OperatorAction::retry, "tries messages now, also where the destination is backing off"},
    Verb{OperatorAction::remove, "removes messages; nobody is told"},
    Verb{OperatorAction::expire, "ends the time of messages now; their senders are told"},
};

std::optional<std::string_view> fault_of_choice(const Request& request) {
  const int ways = int{!request.ids.empty()} + int{request.all} + int{request.has_filter()};
  if (ways == 0) return "say which: message ids, --all, --sender, --recipient or --domain";
  if (ways > 1) return "say which in one way: message ids, --all, or --sender, --recipient and --domain";
  return std::nullopt;
}

}  // namespace

ExitStatus run_queue(const Invocation& invocation, Console& console) {
  Options options(invocation, "The queue of the running server: what waits, why, and what is to become of it.");
  Request request;
  auto& app = options.app();
  app.add_option("-c,--config", request.config, "the configuration file, which names the server's socket");
  app.add_option("--socket", request.socket, "the server's control socket");
  app.add_flag("--json", request.as_json, "print what the server answers, as JSON");
  app.require_subcommand(1);
  app.fallthrough();  // options may stand behind what is asked
  auto* listing = app.add_subcommand("list", "what waits, in order of arrival");
  listing->add_option("ID", request.ids, "these messages only");
  add_filter(*listing, request);
  listing->add_flag("--all", request.all, "all that waits, as without a filter");
  listing->add_option("--status", request.status, "queued or held");
  auto* showing = app.add_subcommand("show", "messages with their history and the dialogues of failed attempts");
  showing->add_option("ID", request.ids, "message ids")->required();
  auto* importing =
      app.add_subcommand("import-folder", "sends what lies in hand-over folders (other_servers = \"files\")");
  add_import(*importing, request);
  std::array<CLI::App*, verbs.size()> changing{};
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    changing[i] = app.add_subcommand(std::string(service::name_of(verbs[i].action)), verbs[i].purpose);
    changing[i]->add_option("ID", request.ids, "message ids");
    changing[i]->add_flag("--all", request.all, "all that waits");
    add_filter(*changing[i], request);
  }
  if (const auto status = options.read(console)) return *status;

  if (importing->parsed()) return import(request, console);
  const bool only_looks = listing->parsed() || showing->parsed();
  const auto fault = only_looks ? std::nullopt : fault_of_choice(request);
  if (fault) return options.refuse(console, *fault);
  if (const auto status = find_socket(request, console)) return *status;
  if (listing->parsed() && request.all && (!request.ids.empty() || request.has_filter() || request.status)) {
    return options.refuse(console,
                          "say which in one way: --all, or message ids, --sender, --recipient, --domain and --status");
  }
  if (listing->parsed()) return list(request, console);
  if (showing->parsed()) return show(request, console);
  for (std::size_t i = 0; i < verbs.size(); ++i) {
    if (changing[i]->parsed()) return change(verbs[i].action, request, console);
  }
  return ExitStatus::usage;
}

ExitStatus run_mailq(const Invocation& invocation, Console& console) {
  Options options(invocation, "What waits in the queue of the running server.");
  Request request;
  bool is_verbose = false;
  options.app().add_option("-c,--config", request.config, "the configuration file");
  options.app().add_flag("-v", is_verbose, "as sendmail has it; changes nothing");
  options.app().add_flag("--json", request.as_json, "print a JSON array");
  if (const auto status = options.read(console)) return *status;
  if (const auto status = find_socket(request, console)) return *status;
  return list(request, console);
}

}  // namespace posthorn::cli
