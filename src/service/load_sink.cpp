#include "service/load_sink.hpp"

#include "base/ascii.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::array<std::string_view, sink_stages> stage_names{"connect", "ehlo", "mail", "rcpt",
                                                                "data",    "dot",  "quit"};
constexpr std::size_t longest_line = 64U << 10;
constexpr std::string_view end_of_text = "\r\n.\r\n";
constexpr Duration pause_without_descriptors = std::chrono::milliseconds{50};

/// What stands between the angle brackets.
std::string path_in(std::string_view line) {
  const auto begin = line.find('<');
  const auto end = line.find('>', begin == std::string_view::npos ? 0 : begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) return {};
  return ascii::lower(line.substr(begin + 1, end - begin - 1));
}

std::string text_of(const world::PeerAddress& peer) {
  const auto* endpoint = std::get_if<Endpoint>(&peer);
  return endpoint != nullptr ? endpoint->address.to_string() : std::string{};
}

std::string refusal(unsigned code) {
  const auto* word = code < 500 ? "come back later" : "not here";
  return fmt::format("{} {}.0.0 {}, says the script\r\n", code, code / 100, word);
}

/// The verb, and whether the line is one that has it.
bool is_command(std::string_view line, std::string_view verb) { return ascii::starts_with_word(line, verb); }

}  // namespace

std::optional<SinkStage> parse_sink_stage(std::string_view name) {
  const auto* found = std::ranges::find(stage_names, name);
  if (found == stage_names.end()) return std::nullopt;
  return static_cast<SinkStage>(found - stage_names.begin());
}

bool Greylist::passes(std::string_view client, std::string_view sender, std::string_view recipient, MonotonicTime now,
                      Duration wait) {
  auto key = fmt::format("{}\n{}\n{}", client, sender, recipient);
  const std::lock_guard lock(mutex_);
  if (first_seen_.size() >= most) first_seen_.clear();
  const auto [at, is_new] = first_seen_.try_emplace(std::move(key), now);
  return !is_new && now - at->second >= wait;
}

struct LoadSink::Session {
  std::unique_ptr<world::Stream> stream;
  std::string replies;
  std::string rest;  // of a line, or the last octets of a text
  std::string sender;
  std::string client;
  std::uint32_t recipients = 0;
  bool has_sender = false;
  bool in_text = false;
  bool text_ended = false;
  bool is_encrypted = false;
  std::uint64_t octets = 0;  // of the text
  // The reply under way.
  SinkStage stage = SinkStage::connect;
  std::string reply;
  bool wants_tls = false;
  bool is_over = false;
};

LoadSink::LoadSink(World world, std::vector<std::unique_ptr<world::Acceptor>> acceptors)
    : world_(world), acceptors_(std::move(acceptors)) {
  for (const auto& act : world_.script.acts) acts_.at(static_cast<std::size_t>(act.stage)).push_back(act);
}

void LoadSink::start() {
  for (auto& acceptor : acceptors_) tasks_.start(accept(*acceptor));
}

void LoadSink::close() {
  for (auto& acceptor : acceptors_) acceptor->close();
}

world::Task<> LoadSink::accept(world::Acceptor& acceptor) {
  while (true) {
    auto stream = co_await acceptor.accept();
    if (stream) {
      tasks_.start(serve(std::move(*stream)));
      continue;
    }
    using enum Error::Kind;
    if (stream.error().kind == closed) co_return;
    if (stream.error().kind == too_many_files || stream.error().kind == no_memory) {
      co_await world::sleep_until(world_.loop, after(world_.loop.now(), pause_without_descriptors));
    }
  }
}

world::Task<> LoadSink::serve(std::unique_ptr<world::Stream> stream) {
  Session session{.stream = std::move(stream)};
  world_.tally.connections.fetch_add(1, std::memory_order_relaxed);
  if (world_.script.tls_from_first_byte && !co_await start_tls(session)) co_return;
  if (world_.script.greylist > Duration{}) session.client = text_of(session.stream->peer());
  session.reply = fmt::format("220 {} ESMTP\r\n", world_.script.hostname);
  if (co_await play(session) == Played::as_usual) {
    co_await converse(session);
  } else {
    static_cast<void>(co_await flush(session));
  }
}

world::Task<> LoadSink::converse(Session& session) {
  // What a wait may come between is copied from the loop's buffer.
  const bool may_wait = !world_.script.acts.empty() || world_.script.identities != nullptr;
  while (co_await flush(session)) {
    const auto bytes = co_await session.stream->read(after(world_.loop.now(), world_.script.timeout));
    if (!bytes || bytes->empty()) co_return;
    const std::string copy(may_wait ? *bytes : std::string_view{});
    if (!co_await take(session, may_wait ? std::string_view(copy) : *bytes)) break;
  }
  static_cast<void>(co_await flush(session));
}

/// False: the conversation is over.
world::Task<bool> LoadSink::take(Session& session, std::string_view bytes) {
  while (!bytes.empty()) {
    session.reply.clear();
    bytes.remove_prefix(session.in_text ? take_text(session, bytes) : take_line(session, bytes));
    if (session.rest.size() > longest_line) co_return false;
    // What came behind STARTTLS is not looked at.
    if (std::exchange(session.wants_tls, false)) co_return co_await start_tls(session);
    if (session.reply.empty()) continue;
    if (has_acts(session.stage)) {
      const auto played = co_await play(session);
      if (played == Played::over) co_return false;
      if (session.text_ended && played == Played::as_usual) count(session);
    } else {
      session.replies += session.reply;
      if (session.text_ended) count(session);
    }
    session.text_ended = false;
    if (session.is_over) co_return false;
  }
  co_return true;
}

/// How many of these octets belong to it.
std::size_t LoadSink::take_text(Session& session, std::string_view bytes) {
  constexpr auto kept = end_of_text.size() - 1;
  // The end may lie across the border between what was and what is.
  const auto before = session.rest.size();
  session.rest += bytes.substr(0, kept);
  std::size_t used = 0;
  if (const auto across = session.rest.find(end_of_text); across != std::string::npos) {
    used = across + end_of_text.size() - before;
  } else if (const auto within = bytes.find(end_of_text); within != std::string_view::npos) {
    used = within + end_of_text.size();
  }
  if (used == 0) {
    session.octets += bytes.size();
    if (bytes.size() >= kept) session.rest = bytes.substr(bytes.size() - kept);
    if (session.rest.size() > kept) session.rest.erase(0, session.rest.size() - kept);
    return bytes.size();
  }
  session.octets += used;
  session.rest.clear();
  session.in_text = false;
  session.text_ended = true;
  session.has_sender = false;
  session.stage = SinkStage::end;
  session.reply = "250 2.0.0 taken and thrown away\r\n";
  return used;
}

void LoadSink::count(Session& session) {
  world_.tally.messages.fetch_add(1, std::memory_order_relaxed);
  world_.tally.recipients.fetch_add(session.recipients, std::memory_order_relaxed);
  world_.tally.octets.fetch_add(session.octets, std::memory_order_relaxed);
  session.recipients = 0;
  session.octets = 0;
}

/// Without its end it waits for the rest.
std::size_t LoadSink::take_line(Session& session, std::string_view bytes) {
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos) {
    session.rest += bytes;
    return bytes.size();
  }
  auto line = bytes.substr(0, end);
  if (!session.rest.empty()) {
    session.rest += line;
    line = session.rest;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto whole = session.rest.empty() ? std::string{} : std::string(line);
  session.rest.clear();
  obey(session, whole.empty() ? line : std::string_view(whole));
  return end + 1;
}

void LoadSink::obey(Session& session, std::string_view line) {
  const auto say = [&session](SinkStage stage, std::string_view reply) {
    session.stage = stage;
    session.reply = reply;
  };
  if (is_command(line, "MAIL")) {
    session.recipients = 0;
    session.octets = 0;
    session.has_sender = true;
    if (world_.script.greylist > Duration{}) session.sender = path_in(line);
    return say(SinkStage::mail, "250 2.1.0 ok\r\n");
  }
  if (is_command(line, "RCPT")) {
    if (!session.has_sender) return say(SinkStage::rcpt, "503 5.5.1 MAIL comes first\r\n");
    const bool is_known =
        world_.script.greylist <= Duration{} || world_.greylist.passes(session.client, session.sender, path_in(line),
                                                                       world_.loop.now(), world_.script.greylist);
    if (is_known) ++session.recipients;
    if (is_known) return say(SinkStage::rcpt, "250 2.1.5 ok\r\n");
    world_.tally.refused.fetch_add(1, std::memory_order_relaxed);
    return say(SinkStage::rcpt, "450 4.2.0 Greylisted, come back later\r\n");
  }
  if (is_command(line, "DATA")) {
    if (session.recipients == 0) return say(SinkStage::data, "503 5.5.1 nobody to get it\r\n");
    session.in_text = true;
    session.rest = "\r\n";
    return say(SinkStage::data, "354 go on\r\n");
  }
  if (is_command(line, "EHLO")) return say(SinkStage::hello, hello_reply(session));
  if (is_command(line, "HELO")) return say(SinkStage::hello, fmt::format("250 {}\r\n", world_.script.hostname));
  if (is_command(line, "STARTTLS") && world_.script.identities && !session.is_encrypted) {
    session.wants_tls = true;
    session.replies += "220 2.0.0 go on\r\n";
    return;
  }
  if (is_command(line, "QUIT")) {
    session.is_over = true;
    return say(SinkStage::quit, "221 2.0.0 bye\r\n");
  }
  if (is_command(line, "RSET")) {
    session.recipients = 0;
    session.has_sender = false;
  }
  const bool is_known = is_command(line, "RSET") || is_command(line, "NOOP");
  session.replies += is_known ? "250 2.0.0 ok\r\n" : "502 5.5.1 not here\r\n";
}

/// The reply under way, or what the script has instead.
world::Task<LoadSink::Played> LoadSink::play(Session& session) {
  for (const auto& act : acts_.at(static_cast<std::size_t>(session.stage))) {
    if (static_cast<double>(world_.random.below(1'000'000)) >= act.percent * 10'000) continue;
    switch (act.what) {
      case SinkAct::What::delay:
        if (!co_await flush(session)) co_return Played::over;
        co_await world::sleep_until(world_.loop, after(world_.loop.now(), act.wait));
        continue;
      case SinkAct::What::drop:
        world_.tally.dropped.fetch_add(1, std::memory_order_relaxed);
        session.replies.clear();
        co_return Played::over;
      case SinkAct::What::refuse:
        world_.tally.refused.fetch_add(1, std::memory_order_relaxed);
        session.replies += refusal(act.code);
        if (session.stage == SinkStage::rcpt && session.reply.starts_with('2')) --session.recipients;
        if (session.stage == SinkStage::mail) session.has_sender = false;
        if (session.stage == SinkStage::data) {
          session.in_text = false;
          session.rest.clear();
        }
        co_return act.code == 421 ? Played::over : Played::refused;
    }
  }
  session.replies += session.reply;
  co_return Played::as_usual;
}

world::Task<bool> LoadSink::start_tls(Session& session) {
  if (!co_await flush(session)) co_return false;
  const auto done = co_await session.stream->start_tls(
      world::TlsServerPolicy{.identities = world_.script.identities, .application_protocols = {"smtp"}},
      after(world_.loop.now(), world_.script.timeout));
  session.is_encrypted = done.has_value();
  session.rest.clear();
  co_return done.has_value();
}

world::Task<bool> LoadSink::flush(Session& session) {
  if (session.replies.empty()) co_return true;
  const auto sent = std::exchange(session.replies, {});
  co_return (co_await session.stream->write(sent, after(world_.loop.now(), world_.script.timeout))).has_value();
}

std::string LoadSink::hello_reply(const Session& session) const {
  auto reply = fmt::format("250-{}\r\n", world_.script.hostname);
  if (world_.script.pipelining) reply += "250-PIPELINING\r\n";
  if (world_.script.identities && !session.is_encrypted) reply += "250-STARTTLS\r\n";
  if (world_.script.message_limit > 0) reply += fmt::format("250-SIZE {}\r\n", world_.script.message_limit);
  return reply += "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n";
}

}  // namespace posthorn::service
