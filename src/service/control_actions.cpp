// ControlRoutes: POST /api/queue/ACTION. Which messages are meant is read strictly, so that a slip of the fingers changes
// nothing; messages are changed side by side, a batch at a time, and answered when all of it is durable.
#include "base/clean_text.hpp"
#include "service/control_routes.hpp"
#include "service/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace posthorn::service {
namespace {

using nlohmann::json;

constexpr std::size_t most_faults = 100;
constexpr std::size_t shown_octets = 100;

Result<std::vector<MessageId>> ids_of(const json& names, std::size_t most) {
  if (!names.is_array() || names.empty()) return failure(Error::Kind::invalid, "ids is a list of message ids");
  if (names.size() > most) return failure(Error::Kind::invalid, "too many ids for one request");
  std::vector<MessageId> ids;
  for (const auto& name : names) {
    const auto id = name.is_string() ? MessageId::parse(name.get_ref<const std::string&>()) : std::nullopt;
    if (!id) {
      const auto text = LogText(name.dump(-1, ' ', true, json::error_handler_t::replace), shown_octets).text();
      return failure(Error::Kind::invalid, "ids holds " + text + ", which is no message id");
    }
    ids.push_back(*id);
  }
  std::ranges::sort(ids);
  const auto twice = std::ranges::unique(ids);
  ids.erase(twice.begin(), twice.end());
  return ids;
}

Result<std::optional<std::string>> text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  if (!found->is_string()) return failure(Error::Kind::invalid, std::string(key) + " is a text");
  return found->get<std::string>();
}

bool has_only_known_keys(const json& object) {
  static constexpr std::array<std::string_view, 5> known{"ids", "all", "sender", "recipient", "domain"};
  return std::ranges::all_of(object.items(), [](const auto& item) {
    return std::ranges::find(known, std::string_view(item.key())) != known.end();
  });
}

}  // namespace

struct ControlRoutes::Wanted {
  std::vector<MessageId> ids;  ///< or, if there are none, what the filter finds
  QueueFilter filter;
};

struct ControlRoutes::Tally {
  std::uint64_t messages = 0;
  std::uint64_t recipients = 0;
  std::uint64_t running = 0;
  std::uint64_t failures = 0;
  std::vector<MessageId> not_found;
  std::vector<std::pair<MessageId, std::string>> faults;  ///< the first of them
};

/// Exactly one way of saying which: ids, all, or a filter.
Result<ControlRoutes::Wanted> ControlRoutes::read_wanted(std::string_view body) const {
  const auto object = json::parse(body, nullptr, false);
  if (!object.is_object()) return failure(Error::Kind::invalid, "the body is not a JSON object");
  if (!has_only_known_keys(object)) {
    return failure(Error::Kind::invalid, "say which: ids, all, or sender, recipient and domain; nothing else");
  }
  Wanted wanted;
  for (const auto& [key, place] : {std::pair{"sender", &wanted.filter.sender},
                                   {"recipient", &wanted.filter.recipient},
                                   {"domain", &wanted.filter.domain}}) {
    auto text = text_of(object, key);
    if (!text) return failure(text.error());
    *place = std::move(*text);
  }
  const bool is_all = object.contains("all");
  if (is_all && object["all"] != true) return failure(Error::Kind::invalid, "all is true, or not given");
  const bool has_ids = object.contains("ids");
  const bool has_filter = !wanted.filter.is_empty();
  if (int{is_all} + int{has_ids} + int{has_filter} != 1) {
    return failure(Error::Kind::invalid, "say which, in one way: ids, all, or sender, recipient and domain");
  }
  if (!has_ids) return wanted;
  auto ids = ids_of(object["ids"], settings_.most_ids);
  if (!ids) return failure(std::move(ids.error()));
  wanted.ids = std::move(*ids);
  return wanted;
}

world::Task<> ControlRoutes::change(OperatorAction action, const HttpRequest& request, HttpAnswer& answer) {
  const auto wanted = read_wanted(request.body);
  if (!wanted) {
    co_await answer.refuse(400, wanted.error().text);
    co_return;
  }
  Tally tally;
  if (wanted->ids.empty()) {
    co_await change_found(action, *wanted, tally);
  } else {
    co_await change_named(action, *wanted, tally);
  }
  std::string body;
  JsonObject object(body);
  object.text("action", name_of(action))
      .number("messages", tally.messages)
      .number("recipients", tally.recipients)
      .number("running", tally.running)
      .number("failures", tally.failures);
  object.open("not_found");
  body += '[';
  for (const auto id : tally.not_found) {
    if (body.back() != '[') body += ',';
    put_json(body, id.to_string());
  }
  body += ']';
  object.open("failed");
  body += '[';
  for (const auto& [id, why] : tally.faults) {
    if (body.back() != '[') body += ',';
    JsonObject(body).text("id", id.to_string()).text("error", why).end();
  }
  body += ']';
  object.end();
  co_await answer.send(tally.failures == 0 ? 200 : 503, "application/json", std::move(body) + "\n");
}

world::Task<> ControlRoutes::change_named(OperatorAction action, const Wanted& wanted, Tally& tally) {
  for (std::size_t from = 0; from < wanted.ids.size(); from += settings_.action_batch) {
    const auto begin = wanted.ids.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count = std::min(settings_.action_batch, wanted.ids.size() - from);
    co_await change_batch(action, wanted, {begin, begin + static_cast<std::ptrdiff_t>(count)}, tally);
  }
}

/// Those that are there when it is their turn; what comes in meanwhile is met as well, or not.
world::Task<> ControlRoutes::change_found(OperatorAction action, const Wanted& wanted, Tally& tally) {
  for (MessageId last{};;) {
    const auto messages = co_await world_.spool.load_next(world_.loop, last, settings_.action_batch);
    if (messages.empty()) co_return;
    last = messages.back().id;
    std::vector<MessageId> ids;
    for (const auto& message : messages) {
      if (is_waiting(message) && wanted.filter.takes(message)) ids.push_back(message.id);
    }
    co_await change_batch(action, wanted, std::move(ids), tally);
    if (tally.failures > most_faults) co_return;
  }
}

world::Task<> ControlRoutes::change_batch(OperatorAction action, const Wanted& wanted, std::vector<MessageId> ids,
                                          Tally& tally) {
  if (ids.empty()) co_return;
  world::TaskGroup tasks;
  world::Event all_done(world_.loop);
  auto left = ids.size();
  for (const auto id : ids) {
    tasks.start([](world::Task<> one, std::size_t& count, world::Event& done) -> world::Task<> {
      co_await std::move(one);
      if (--count == 0) done.set();
    }(change_one(action, wanted, id, tally), left, all_done));
  }
  co_await all_done.wait(never);
}

world::Task<> ControlRoutes::change_one(OperatorAction action, const Wanted& wanted, MessageId id, Tally& tally) {
  const auto is_meant = [&filter = wanted.filter](const mail::Recipient& recipient,
                                                  const store::RecipientState& state) {
    return filter.takes_recipient(recipient.address, state.status);
  };
  const auto done = co_await world_.queue.act(action, id, is_meant);
  if (done) {
    if (done->recipients > 0) ++tally.messages;
    tally.recipients += done->recipients;
    tally.running += done->running;
  } else if (done.error().kind == Error::Kind::not_found) {
    if (!wanted.ids.empty()) tally.not_found.push_back(id);
  } else {
    ++tally.failures;
    if (tally.faults.size() < most_faults) tally.faults.emplace_back(id, done.error().text);
  }
}

}  // namespace posthorn::service
