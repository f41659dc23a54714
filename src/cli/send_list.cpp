#include "cli/send_list.hpp"

#include "base/clean_text.hpp"
#include "cli/error_status.hpp"
#include "cli/send_background.hpp"
#include "cli/send_work.hpp"
#include "service/send_entries.hpp"
#include "system/own_user.hpp"
#include "system/posix_disk.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace posthorn::cli {
namespace {

using nlohmann::ordered_json;
using service::SendEntry;

constexpr Duration end_wait = std::chrono::seconds{10};
constexpr Duration glance =
    std::chrono::milliseconds{200};  // longer than another command looks whether there is a process

struct Listed {
  SendEntry entry;
  bool has_process = false;
};

Result<service::SendEntries> open_entries(system::PosixDisk& disk) {
  const auto path = send_state_folder();
  if (!path) return failure(path.error());
  return service::SendEntries::open(disk, *path);
}

ExitStatus complain(Console& console, const Error& error) {
  console.complain("{}", error.text);
  return status_of(error);
}

bool has_process(service::SendEntries& entries, const std::string& id, Duration patience = {}) {
  const auto lock = entries.lock(id, patience);
  return !lock && lock.error().kind == Error::Kind::in_use;
}

/// "failed", "trying", "waiting", or "stopped": nobody works on it.
std::string_view state_of(const Listed& listed) {
  if (listed.entry.state == SendEntry::State::failed) return "failed";
  return listed.has_process ? "waiting" : "stopped";
}

void print_line(const Listed& listed, Console& console) {
  const auto& entry = listed.entry;
  console.print("{}  {:<8}  {}  {} attempts, next {}\n", entry.id, state_of(listed),
                console.painted(Paint::heading, LogText(entry.subject, 60).text()), entry.attempts,
                entry.state == SendEntry::State::failed ? "never" : system::to_local_text(entry.next_attempt));
  for (const auto& recipient : entry.recipients) {
    console.print("          {} by {}: {}{}{}\n", recipient.address.to_unicode(), LogText(entry.host, 100).text(),
                  name_of(recipient.state), recipient.reply.empty() ? "" : ", ", LogText(recipient.reply, 300).text());
  }
}

ordered_json json_of(const Listed& listed) {
  const auto& entry = listed.entry;
  auto recipients = ordered_json::array();
  for (const auto& recipient : entry.recipients) {
    recipients.push_back({{"address", recipient.address.to_string()},
                          {"status", name_of(recipient.state)},
                          {"last_reply", recipient.reply}});
  }
  ordered_json next = nullptr;
  if (entry.state == SendEntry::State::waiting) next = to_rfc3339(entry.next_attempt);
  return {{"id", entry.id},
          {"state", state_of(listed)},
          {"sender", entry.sender ? entry.sender->to_string() : ""},
          {"subject", entry.subject},
          {"size", entry.octets},
          {"server", entry.host},
          {"port", entry.port},
          {"arrived", to_rfc3339(entry.created)},
          {"attempts", entry.attempts},
          {"next_attempt", next},
          {"last_reply", entry.last_words},
          {"recipients", recipients}};
}

}  // namespace

ExitStatus list_sends(const SendOptions& options, Console& console) {
  system::PosixDisk disk;
  auto entries = open_entries(disk);
  if (!entries) return complain(console, entries.error());
  const auto ids = entries->ids();
  if (!ids) return complain(console, ids.error());
  auto status = ExitStatus::ok;
  auto all = ordered_json::array();
  for (const auto& id : *ids) {
    auto entry = entries->read(id);
    if (!entry && entry.error().kind == Error::Kind::not_found) continue;  // it ended meanwhile
    if (!entry) {
      status = complain(console, entry.error());
      continue;
    }
    const Listed listed{std::move(*entry), has_process(*entries, id)};
    options.json ? all.push_back(json_of(listed)) : print_line(listed, console);
  }
  if (options.json) console.print("{}\n", all.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  return status;
}

ExitStatus cancel_send(const SendOptions& options, Console& console) {
  const auto& id = options.cancel;
  system::PosixDisk disk;
  auto entries = open_entries(disk);
  if (!entries) return complain(console, entries.error());
  if (!SendEntry::is_id(id) || !entries->folder().facts(id + ".json")) {
    console.complain("there is no such entry; \"posthorn send --list\" shows what there is");
    return ExitStatus::no_input;
  }
  auto lock = entries->lock(id, glance);
  const bool has_worker = !lock && lock.error().kind == Error::Kind::in_use;
  if (has_worker) {
    if (auto asked = entries->ask_to_cancel(id); !asked) return complain(console, asked.error());
    lock = entries->lock(id, end_wait);
  }
  if (!lock && lock.error().kind == Error::Kind::in_use) {
    console.complain("{} is in the middle of an attempt; it ends after it", id);
    return ExitStatus::ok;
  }
  if (!lock) return complain(console, lock.error());
  // The process takes the request away with the entry when it was done before it saw it.
  const bool was_done = has_worker && !entries->folder().facts(id + ".json") && !entries->is_cancelled(id);
  if (auto removed = entries->remove(id); !removed) return complain(console, removed.error());
  console.print("{}\n", was_done ? fmt::format("{} was just done; its log: {}", id, entries->log_path(id))
                                 : fmt::format("{} is cancelled", id));
  return ExitStatus::ok;
}

ExitStatus resume_sends(const SendOptions& options, Console& console) {
  system::PosixDisk disk;
  auto entries = open_entries(disk);
  if (!entries) return complain(console, entries.error());
  const auto ids = entries->ids();
  if (!ids) return complain(console, ids.error());
  auto status = ExitStatus::ok;
  for (const auto& id : *ids) {
    const auto entry = entries->read(id);
    if (!entry && entry.error().kind != Error::Kind::not_found) status = complain(console, entry.error());
    if (!entry || entry->state == SendEntry::State::failed || has_process(*entries, id, glance)) continue;
    const auto words = start_background(id, options.configuration);
    if (words) {
      console.print("{}\n", *words);
    } else if (words.error().kind != Error::Kind::in_use) {
      status = complain(console, words.error());
    }
    static_cast<void>(console.flush());
  }
  return status;
}

}  // namespace posthorn::cli
