#include "service/control_routes.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"
#include "service/history_lines.hpp"
#include "service/json_text.hpp"
#include "service/metrics.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::string_view json = "application/json";
constexpr std::string_view api_queue = "/api/queue/";
constexpr std::size_t shown_octets = 100;
constexpr std::string_view not_known_yet = "the server has started a moment ago and still reads its queue: try again";

/// Only what stands in the page itself; nothing from elsewhere, and no other page may frame it.
constexpr std::string_view page_policy =
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri "
    "'none'; form-action 'none'; frame-ancestors 'none'\r\n";

/// The first key of the query that means nothing at this place of the API. What else is asked (/metrics, /healthz) has no
/// query, and whoever adds one there, against caches, does no harm.
std::optional<std::string_view> unknown_parameter(const HttpRequest& request) {
  static constexpr std::array<std::string_view, 6> of_queue{"sender", "recipient", "domain", "status", "limit", "id"};
  static constexpr std::array<std::string_view, 1> of_explain{"address"};
  if (!request.path.starts_with("/api/")) return std::nullopt;
  std::span<const std::string_view> known;
  if (request.path == "/api/queue") known = of_queue;
  if (request.path == "/api/explain") known = of_explain;
  for (const auto& [key, value] : request.query) {
    if (std::ranges::find(known, std::string_view(key)) == known.end()) return key;
  }
  return std::nullopt;
}

Result<QueueFilter> filter_of(const HttpRequest& request) {
  QueueFilter filter{.sender = request.parameter("sender"),
                     .recipient = request.parameter("recipient"),
                     .domain = request.parameter("domain"),
                     .status = std::nullopt};
  if (const auto status = request.parameter("status")) {
    filter.status = status_named(*status);
    if (!filter.status) return failure(Error::Kind::invalid, "there is no such status; they are queued and held");
  }
  return filter;
}

/// What is to be listed.
struct Listing {
  QueueFilter filter;
  std::vector<MessageId> ids;  ///< in order; none: all that the filter takes
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
};

Result<std::vector<MessageId>> ids_of(const HttpRequest& request) {
  std::vector<MessageId> ids;
  for (const auto& [name, value] : request.query) {
    if (name != "id") continue;
    const auto id = MessageId::parse(value);
    if (!id) return failure(Error::Kind::invalid, LogText(value, shown_octets).text() + " is no message id");
    ids.push_back(*id);
  }
  std::ranges::sort(ids);
  const auto again = std::ranges::unique(ids);
  ids.erase(again.begin(), again.end());
  return ids;
}

Result<Listing> listing_of(const HttpRequest& request) {
  auto filter = filter_of(request);
  if (!filter) return failure(std::move(filter).error());
  auto ids = ids_of(request);
  if (!ids) return failure(std::move(ids).error());
  Listing listing{.filter = *std::move(filter), .ids = *std::move(ids)};
  if (const auto limit = request.parameter("limit")) {
    listing.left = ascii::to_number(*limit).value_or(0);
    if (listing.left == 0) return failure(Error::Kind::invalid, "limit is a number, at least 1");
  }
  return listing;
}

/// A piece of the list: those of the messages that are meant. `first`: nothing stands before it.
std::string listed(const std::vector<store::StoredMessage>& messages, Listing& listing, const Routes& routes,
                   bool& first) {
  std::string out;
  out.reserve(messages.size() * 400);
  for (const auto& message : messages) {
    if (listing.left == 0) break;
    if (!is_waiting(message) || !listing.filter.takes(message)) continue;
    if (!std::exchange(first, false)) out += ",\n";
    put_message(out, message, routes);
    out += '}';
    --listing.left;
  }
  return out;
}

/// The batch of messages after the one in hand, read while that is written.
class Ahead {
 public:
  /// `ids`: of these messages; none: of all.
  Ahead(world::Loop& loop, store::Spool& spool, const std::vector<MessageId>& ids, std::size_t batch)
      : loop_(loop), spool_(spool), ids_(ids), batch_(batch), done_(loop) {}

  void begin(MessageId after_id) {
    done_.clear();
    tasks_.start(read(after_id));
  }
  [[nodiscard]] world::Task<std::vector<store::StoredMessage>> take() {
    co_await done_.wait(never);
    co_return std::move(messages_);
  }

 private:
  [[nodiscard]] world::Task<> read(MessageId after_id) {
    messages_ = ids_.empty() ? co_await spool_.load_next(loop_, after_id, batch_) : co_await next_named(after_id);
    done_.set();
  }
  /// Those that are gone are left out.
  [[nodiscard]] world::Task<std::vector<store::StoredMessage>> next_named(MessageId after_id) {
    std::vector<store::StoredMessage> found;
    for (auto at = std::ranges::upper_bound(ids_, after_id); at != ids_.end() && found.size() < batch_; ++at) {
      if (auto message = co_await spool_.load_envelope(loop_, *at)) found.push_back(*std::move(message));
    }
    co_return found;
  }

  world::Loop& loop_;
  store::Spool& spool_;
  const std::vector<MessageId>& ids_;
  std::size_t batch_;
  std::vector<store::StoredMessage> messages_;
  world::Event done_;
  world::TaskGroup tasks_;
};

}  // namespace

world::Task<> ControlRoutes::answer(HttpRequest request, bool may_change, HttpAnswer& answer) {
  const auto action = request.path.starts_with(api_queue) ? action_named(request.path.substr(api_queue.size()))
                                                          : std::optional<OperatorAction>{};
  const bool may_be_got = request.method == "GET" || request.method == "HEAD";
  if (const auto unknown = unknown_parameter(request)) {
    co_await answer.refuse(400, "there is nothing to ask for by " + LogText(*unknown, shown_octets).text());
  } else if (action && request.method != "POST") {
    co_await answer.refuse(405, "this is done by POST", "Allow: POST\r\n");
  } else if (may_be_got) {
    co_await get(request, answer);
  } else if (!action && request.method == "POST" && request.path.starts_with(api_queue)) {
    co_await answer.refuse(404, "there is no such action: they are hold, release, retry, remove and expire");
  } else if (!action) {
    // RFC 9110 §15.5.6: the answer names the methods there are.
    co_await answer.refuse(405, "only GET and HEAD are known here", "Allow: GET, HEAD\r\n");
  } else if (!may_change) {
    co_await answer.refuse(401, "changes need the socket, or the token of [admin] token_file as a bearer token");
  } else if (!co_await knows_the_queue()) {
    co_await answer.refuse(503, not_known_yet);
  } else {
    co_await change(*action, request, answer);
  }
}

world::Task<bool> ControlRoutes::knows_the_queue() {
  co_return co_await world_.queue_is_known.wait(after(world_.loop.now(), settings_.patience));
}

world::Task<bool> ControlRoutes::get_page(const std::string& path, HttpAnswer& answer) {
  if (path == "/") {
    co_await answer.send(200, "text/html; charset=utf-8", std::string(control_page()), std::string(page_policy));
  } else if (path == "/page.css") {
    co_await answer.send(200, "text/css; charset=utf-8", std::string(control_style()));
  } else if (path == "/page.js") {
    co_await answer.send(200, "text/javascript; charset=utf-8", std::string(control_script()));
  } else {
    co_return false;
  }
  co_return true;
}

world::Task<> ControlRoutes::get(const HttpRequest& request, HttpAnswer& answer) {
  const auto& path = request.path;
  if (co_await get_page(path, answer)) co_return;
  const bool is_of_queue = path == "/api/destinations" || path.starts_with("/api/queue");
  if (is_of_queue && !co_await knows_the_queue()) {
    co_await answer.refuse(503, not_known_yet);
  } else if (path == "/healthz") {
    co_await health(answer);
  } else if (path == "/metrics") {
    co_await answer.send(200, "text/plain; version=0.0.4; charset=utf-8", world_.metrics.text());
  } else if (path == "/api/queue") {
    co_await list(request, answer);
  } else if (path == "/api/destinations") {
    co_await destinations(answer);
  } else if (path == "/api/explain") {
    co_await explain(request, answer);
  } else if (path.starts_with(api_queue)) {
    co_await show(std::string_view(path).substr(api_queue.size()), answer);
  } else {
    co_await answer.refuse(404, "there is no such page");
  }
}

world::Task<> ControlRoutes::health(HttpAnswer& answer) {
  const auto facts = world_.spool.facts();
  std::string body;
  JsonObject object(body);
  object.text("status", facts.accepting ? "ok" : "not accepting");
  if (!facts.accepting) {
    object.text("why", facts.why == Error::Kind::no_space ? "the disk of the spool is full"
                                                          : "the disk of the spool does not work");
  }
  object.number("messages", facts.messages).number("free_octets", facts.free_octets).end();
  body += '\n';
  co_await answer.send(facts.accepting ? 200 : 503, json, std::move(body));
}

world::Task<> ControlRoutes::list(const HttpRequest& request, HttpAnswer& answer) {
  auto listing = listing_of(request);
  if (!listing) {
    co_await answer.refuse(400, listing.error().text);
    co_return;
  }
  co_await answer.begin(json);
  co_await answer.piece("[\n");
  bool first = true;
  Ahead ahead(world_.loop, world_.spool, listing->ids, settings_.list_batch);
  ahead.begin(MessageId{});
  while (true) {
    const auto messages = co_await ahead.take();
    if (messages.empty() || listing->left == 0 || answer.has_failed() || answer.is_head_only()) break;
    ahead.begin(messages.back().id);
    auto text = co_await world::on_workers(world_.workers, world_.loop,
                                           [&] { return listed(messages, *listing, world_.routes, first); });
    co_await answer.piece(std::move(text));
  }
  co_await answer.piece(first ? "]\n" : "\n]\n");
  co_await answer.finish();
}

world::Task<> ControlRoutes::show(std::string_view id, HttpAnswer& answer) {
  const auto message_id = MessageId::parse(id);
  if (!message_id) {
    co_await answer.refuse(400, "that is no message id");
    co_return;
  }
  const auto lines = co_await world_.history.lines_of(*message_id, settings_.lines);
  const auto message = co_await world_.spool.load_envelope(world_.loop, *message_id);
  auto shown = shown_message(message ? &*message : nullptr, lines, world_.routes);
  if (shown) {
    co_await answer.send(200, json, std::move(*shown) + "\n");
  } else {
    co_await answer.refuse(404, "no message of that id is here, nor in the history");
  }
}

world::Task<> ControlRoutes::destinations(HttpAnswer& answer) {
  std::string body = "[";
  for (const auto& [lane, plan] :
       {std::pair{"local", &world_.queue.local_plan()}, {"remote", &world_.queue.remote_plan()}}) {
    for (const auto& busy : plan->busiest(settings_.destinations)) {
      body += body.size() > 1 ? ",\n" : "\n";
      JsonObject object(body);
      object.text("lane", lane)
          .text("destination", busy.key)
          .number("waiting", busy.facts.waiting)
          .number("running", busy.facts.running)
          .number("window", busy.facts.window)
          .flag("unreachable", busy.facts.is_dead)
          .end();
    }
  }
  co_await answer.send(200, json, std::move(body) + "\n]\n");
}

world::Task<> ControlRoutes::explain(const HttpRequest& request, HttpAnswer& answer) {
  const auto address = request.parameter("address");
  if (!address || world_.explainer == nullptr) {
    co_await answer.refuse(400, "say which: ?address=name@domain");
    co_return;
  }
  const auto explained = co_await world_.explainer->explain(*address);
  co_await answer.send(200, json, to_json(explained) + "\n");
}

}  // namespace posthorn::service
