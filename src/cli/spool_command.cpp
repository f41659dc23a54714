#include "cli/spool_command.hpp"

#include "base/clean_text.hpp"
#include "cli/error_status.hpp"
#include "cli/load_configuration.hpp"
#include "cli/options.hpp"
#include "store/spool_inspection.hpp"
#include "system/posix_disk.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;
using store::SpoolInspection;

constexpr std::size_t messages_at_once = 256;
constexpr std::string_view lock_name = "lock";

struct Request {
  std::string state;
  std::string id;
  bool as_json = false;
};

/// What is looked at, with nobody else at it.
struct StoppedSpool {
  system::PosixDisk disk;
  std::unique_ptr<world::Folder> state;
  std::unique_ptr<world::FileLock> lock;
  std::unique_ptr<SpoolInspection> inspection;
};

std::string clean(std::string_view text) { return LogText(text).text(); }

ExitStatus tell(const Error& error, Console& console) {
  console.complain("{}", clean(error.text));
  return error.kind == Error::Kind::unsupported ? ExitStatus::bad_data : status_of(error);
}

/// A running server holds the lock. Where there is no such file none runs, and none is made: nothing here changes anything.
Result<> lock_state(StoppedSpool& spool, const std::string& path) {
  auto state = spool.disk.open_root(path);
  if (!state) return failure(std::move(state).error().context("the state folder"));
  spool.state = *std::move(state);
  const auto there = spool.state->facts(lock_name);
  if (!there && there.error().kind == Error::Kind::not_found) return {};
  auto lock = spool.state->lock(lock_name);
  if (!lock && lock.error().kind == Error::Kind::in_use) {
    return failure(Error::Kind::in_use, path + " is in use by a running server: stop that one first");
  }
  if (!lock && lock.error().kind == Error::Kind::read_only) return {};  // no server can use it
  if (!lock) return failure(std::move(lock).error().context("lock the state folder"));
  spool.lock = *std::move(lock);
  return {};
}

Result<> open_spool(StoppedSpool& spool, const std::string& path) {
  if (auto locked = lock_state(spool, path); !locked) return locked;
  auto inspection = SpoolInspection::open(spool.disk, path);
  if (!inspection) return failure(std::move(inspection).error().context("open the spool of " + path));
  spool.inspection = *std::move(inspection);
  return {};
}

// ---- damage ----

ordered_json to_json(const store::SpoolDamage& damage) {
  return {
      {"file", clean(damage.file)}, {"offset", damage.offset}, {"octets", damage.octets}, {"what", clean(damage.what)}};
}

std::string to_line(const store::SpoolDamage& damage) {
  return fmt::format("{} at {} ({} octets): {}", clean(damage.file), damage.offset, damage.octets, clean(damage.what));
}

void print_report(const store::RecoveryReport& report, const std::string& state, Console& console) {
  for (const auto& damage : report.damages) console.print("damaged: {}/spool/{}\n", clean(state), to_line(damage));
  for (const auto& name : report.foreign_names) {
    console.print("ignored: {}/spool/{} is not ours\n", clean(state), clean(name));
  }
  if (report.dropped_octets > 0) {
    console.print("dropped: {} octets at the end of the log, written but never acknowledged\n", report.dropped_octets);
  }
  console.print("{}: {} messages to {} recipients wait, in {} records of {} segments\n",
                report.damages.empty() ? "whole" : "DAMAGED", report.messages, report.recipients, report.records,
                report.segments);
}

void print_report_as_json(const store::RecoveryReport& report, const Request& request,
                          const store::SpoolIdentity& identity, Console& console) {
  auto damages = ordered_json::array();
  for (const auto& damage : report.damages) damages.push_back(to_json(damage));
  auto foreign = ordered_json::array();
  for (const auto& name : report.foreign_names) foreign.push_back(clean(name));
  const ordered_json all{
      {"state", clean(request.state)}, {"whole", report.damages.empty()}, {"spool", store::to_text(identity.id)},
      {"starts", identity.starts},     {"segments", report.segments},     {"records", report.records},
      {"messages", report.messages},   {"recipients", report.recipients}, {"dropped_octets", report.dropped_octets},
      {"damages", std::move(damages)}, {"foreign", std::move(foreign)}};
  console.print("{}\n", all.dump(2));
}

ExitStatus verify(const Request& request, Console& console) {
  StoppedSpool spool;
  if (auto opened = open_spool(spool, request.state); !opened) return tell(opened.error(), console);
  const auto report = spool.inspection->read(SpoolInspection::Depth::whole);
  if (request.as_json) {
    print_report_as_json(report, request, spool.inspection->identity(), console);
  } else {
    print_report(report, request.state, console);
  }
  return report.damages.empty() ? ExitStatus::ok : ExitStatus::bad_data;
}

// ---- messages ----

std::string_view to_text(store::RecipientStatus status) {
  using enum store::RecipientStatus;
  switch (status) {
    case queued:
      return "queued";
    case held:
      return "held";
    case delivered:
      return "delivered";
    case failed:
      return "failed";
    case removed:
      return "removed";
  }
  return "unknown";
}

std::string_view to_text(store::Origin::Door door) {
  using enum store::Origin::Door;
  switch (door) {
    case mx:
      return "mx";
    case relay:
      return "relay";
    case submission:
      return "submission";
    case local:
      return "local";
    case report:
      return "report";
  }
  return "unknown";
}

std::string sender_of(const store::StoredMessage& message) {
  return message.envelope.sender ? clean(message.envelope.sender->to_string()) : std::string{};
}

std::string name_of(const store::DeliveryName& name) {
  return fmt::format("{}.M{}P{}Q{}.{}", name.seconds, name.microseconds, name.process, name.counter, clean(name.host));
}

ordered_json recipient_to_json(const store::StoredMessage& message, std::size_t place) {
  const auto& state = message.states[place];
  return {{"address", clean(message.envelope.recipients[place].address.to_string())},
          {"status", to_text(state.status)},
          {"report_due", state.report_due},
          {"attempts", state.attempts},
          {"next_attempt", to_rfc3339(state.next_attempt)},
          {"status_code", clean(state.status_code)},
          {"last_reply", clean(state.reply)},
          {"remote_host", clean(state.remote_host)}};
}

ordered_json to_json(const store::StoredMessage& message) {
  auto recipients = ordered_json::array();
  for (std::size_t i = 0; i < message.states.size(); ++i) recipients.push_back(recipient_to_json(message, i));
  return {{"id", message.id.to_string()},
          {"sender", sender_of(message)},
          {"size", message.octets},
          {"arrived", to_rfc3339(message.arrival)},
          {"delivery_name", name_of(message.delivery_name)},
          {"door", to_text(message.origin.door)},
          {"user", clean(message.origin.user)},
          {"peer", clean(message.origin.peer)},
          {"recipients", std::move(recipients)}};
}

void print_message(const store::StoredMessage& message, Console& console) {
  console.print("{}  {}  {} octets  from <{}>  by {} {}\n", message.id.to_string(), to_rfc3339(message.arrival),
                message.octets, sender_of(message), to_text(message.origin.door), clean(message.origin.peer));
  for (std::size_t i = 0; i < message.states.size(); ++i) {
    const auto& state = message.states[i];
    console.print("  to <{}>  {}, {} attempts{}{}{}\n", clean(message.envelope.recipients[i].address.to_string()),
                  to_text(state.status), state.attempts, state.report_due ? ", its sender must be told" : "",
                  state.reply.empty() ? "" : ": ", clean(state.reply));
  }
}

ExitStatus dump_all(SpoolInspection& spool, const Request& request, Console& console) {
  std::vector<MessageId> unreadable;
  MessageId last;
  bool is_first = true;
  if (request.as_json) console.print("[");
  for (;;) {
    const auto before = unreadable.size();
    const auto messages = spool.next(last, messages_at_once, unreadable);
    for (const auto& message : messages) {
      if (request.as_json) {
        console.print("{}\n{}", std::exchange(is_first, false) ? "" : ",", to_json(message).dump());
      } else {
        print_message(message, console);
      }
    }
    if (messages.empty() && unreadable.size() == before) break;
    if (!messages.empty()) last = messages.back().id;
    if (unreadable.size() > before) last = std::max(last, unreadable.back());
  }
  if (request.as_json) console.print("\n]\n");
  for (const auto id : unreadable) console.complain("message {} cannot be read", id.to_string());
  return unreadable.empty() ? ExitStatus::ok : ExitStatus::bad_data;
}

ExitStatus dump_one(SpoolInspection& spool, const Request& request, Console& console) {
  const auto id = MessageId::parse(request.id);
  const auto message = id ? spool.find(*id) : failure(Error::Kind::not_found, "there is no message " + request.id);
  if (!message) return tell(message.error(), console);
  std::string text;
  const auto read = spool.read_text(*id, [&](std::string_view piece) {
    if (request.as_json) {
      text += piece;
    } else {
      console.print("{}", piece);
    }
  });
  if (!read) return tell(read.error(), console);
  if (request.as_json) {
    auto all = to_json(*message);
    all["text"] = std::move(text);
    console.print("{}\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  }
  return ExitStatus::ok;
}

ExitStatus dump(const Request& request, Console& console) {
  StoppedSpool spool;
  if (auto opened = open_spool(spool, request.state); !opened) return tell(opened.error(), console);
  const auto report = spool.inspection->read(SpoolInspection::Depth::live);
  for (const auto& damage : report.damages) console.complain("damaged: {}", to_line(damage));
  const auto status = request.id.empty() ? dump_all(*spool.inspection, request, console)
                                         : dump_one(*spool.inspection, request, console);
  const bool all_was_wanted = request.id.empty() && !report.damages.empty();
  return status == ExitStatus::ok && all_was_wanted ? ExitStatus::bad_data : status;
}

}  // namespace

ExitStatus run_spool(const Invocation& invocation, Console& console) {
  Options options(invocation, "Looks at the spool of a stopped server and changes nothing in it.");
  Request request;
  std::string file;
  auto& app = options.app();
  app.add_option("-c,--config", file, "the configuration file, whose `state` is looked at");
  app.add_option("--state", request.state, "the state folder, instead of the one of the configuration");
  app.add_flag("--json", request.as_json, "print JSON");
  app.require_subcommand(1);
  app.fallthrough();
  auto* verifying =
      app.add_subcommand("verify", "reads every octet; ends with 65 and names each place if one is damaged");
  auto* dumping = app.add_subcommand("dump", "shows each message that waits: envelope, size, recipients");
  dumping->add_option("ID", request.id, "show the text of this message instead");
  if (const auto status = options.read(console)) return *status;

  if (request.state.empty()) {
    auto configuration = load_configuration(file);
    if (!configuration) {
      for (const auto& line : configuration.error().lines) console.remark("{}\n", line);
      return configuration.error().status;
    }
    request.state = configuration->state;
  }
  return verifying->parsed() ? verify(request, console) : dump(request, console);
}

}  // namespace posthorn::cli
