#include "service/load_source.hpp"

#include "base/ascii.hpp"
#include "base/clean_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::size_t most_failures_told_apart = 100;
constexpr std::uint32_t most_failures_in_a_row = 20;
constexpr std::size_t longest_reply = 64U << 10;
constexpr Duration pause_after_failure = std::chrono::milliseconds{50};
constexpr Duration usual_timeout = std::chrono::minutes{5};

/// "%" becomes the number.
std::string numbered(const std::string& pattern, std::uint64_t number) {
  const auto at = pattern.find('%');
  if (at == std::string::npos) return pattern;
  return fmt::format("{}{}{}", std::string_view(pattern).substr(0, at), number,
                     std::string_view(pattern).substr(at + 1));
}

/// Whole lines at its end, none of which begins with a dot or is one, wherever it is cut at its start.
std::string make_body(std::uint64_t octets) {
  constexpr std::string_view line = "The quick brown fox jumps over the lazy dog, and nobody asks it why or how\r\n";
  const auto lines = octets / line.size() + 1;
  std::string body;
  body.reserve(lines * line.size());
  for (std::uint64_t count = 0; count < lines; ++count) body += line;
  return body;
}

/// The last octets of it; one alone is no line.
std::string body_of(std::string_view body, std::uint64_t octets) {
  if (octets < 2) return {};
  std::string part(body.substr(body.size() - octets));
  if (part.front() == '\n') part.front() = 'x';  // of a line end that was cut
  return part;
}

}  // namespace

/// A connection, and what of the server's replies has come and not been looked at.
struct LoadSource::Session {
  std::unique_ptr<world::Stream> stream;
  std::string input;
  std::size_t read = 0;  // of it
  bool offers_starttls = false;
  bool offers_pipelining = false;
  std::uint64_t messages = 0;  // begun
  std::uint64_t number = 0;    // of the message under way
  MonotonicTime began{};       // the same
  bool is_announced = false;   // its MAIL, RCPT and DATA went with the text of the one before
};

/// What was sent and is to be answered.
struct LoadSource::Text {
  std::uint64_t octets = 0;
  std::uint32_t recipients = 0;  // who were accepted
  MonotonicTime began{};
};

void LoadResult::add(const LoadResult& other) {
  messages += other.messages;
  octets += other.octets;
  recipients += other.recipients;
  refused += other.refused;
  connections += other.connections;
  for (const auto& [code, count] : other.refusals) refusals[code] += count;
  for (const auto& [why, count] : other.failures) failures[why] += count;
  connecting.add(other.connecting);
  sending.add(other.sending);
  took = std::max(took, other.took);
}

LoadSource::LoadSource(ClientNetwork world, world::Random& random, const ServerAccess& access, const LoadOrder& order)
    : world_(world),
      random_(random),
      access_(access),
      order_(order),
      body_(make_body(order.most_octets)),
      all_done_(world.loop) {}

world::Task<LoadResult> LoadSource::run() {
  started_ = world_.loop.now();
  next_start_ = started_;
  working_ = order_.connections;
  for (std::uint32_t count = 0; count < order_.connections; ++count) tasks_.start(work());
  if (order_.connections > 0) co_await all_done_.wait(never);
  result_.took = world_.loop.now() - started_;
  co_return std::move(result_);
}

bool LoadSource::is_time_over() const {
  return (order_.time > Duration{} && world_.loop.now() - started_ >= order_.time) ||
         failed_in_a_row_ >= most_failures_in_a_row;
}

std::uint64_t LoadSource::take_work() {
  if (is_time_over()) return 0;
  if (!given_back_.empty()) {
    const auto number = given_back_.back();
    given_back_.pop_back();
    return number;
  }
  return order_.messages > 0 && begun_ >= order_.messages ? 0 : ++begun_;
}

bool LoadSource::is_used_up(const Session& session) const {
  return order_.per_connection > 0 && session.messages >= order_.per_connection;
}

/// What may be announced already; with a rate each waits for its time.
std::uint64_t LoadSource::take_next(const Session& session) {
  return order_.rate > 0 || is_used_up(session) ? 0 : take_work();
}

/// One of the connections: another one follows when it is used up.
world::Task<> LoadSource::work() {
  while (const auto number = take_work()) {
    if (co_await converse(number)) {
      failed_in_a_row_ = 0;
      continue;
    }
    ++failed_in_a_row_;
    co_await world::sleep_until(world_.loop, after(world_.loop.now(), pause_after_failure));
  }
  if (--working_ == 0) all_done_.set();
}

/// The work for its first message is taken. False: it broke.
world::Task<bool> LoadSource::converse(std::uint64_t first) {
  Session session{.number = first};
  if (!co_await greet(session) || !co_await say_hello(session)) co_return false;
  while (session.number != 0) {
    co_await pace();
    ++session.messages;
    const auto sent = co_await send(session);
    if (sent == Sent::broken && session.is_announced) given_back_.push_back(session.number);
    if (sent == Sent::broken) co_return false;
    if (!session.is_announced) session.number = is_used_up(session) ? 0 : take_work();
  }
  if (co_await write(session, "QUIT\r\n")) static_cast<void>(co_await reply(session));
  co_return true;
}

world::Task<bool> LoadSource::greet(Session& session) {
  const auto began = world_.loop.now();
  const auto limit = after(began, access_.timeout.value_or(access_.connect_timeout));
  const auto& endpoint = access_.endpoints[result_.connections % access_.endpoints.size()];
  auto stream = co_await world_.network.connect(endpoint, {}, limit);
  if (!stream) {
    fail(stream.error().text);
    co_return false;
  }
  session.stream = std::move(*stream);
  if (access_.tls == ClientTls::implicit && !co_await start_tls(session)) co_return false;
  const auto code = co_await reply(session);
  if (code == 0) co_return false;
  if (code != 220) {
    fail(fmt::format("greeted with {}", code));
    co_return false;
  }
  ++result_.connections;
  result_.connecting.add(world_.loop.now() - began);
  co_return true;
}

world::Task<bool> LoadSource::say_hello(Session& session) {
  const auto hello = (access_.extended_hello ? "EHLO " : "HELO ") + access_.hello_name + "\r\n";
  const bool may_start_tls = access_.tls == ClientTls::starttls || access_.tls == ClientTls::require;
  if (!co_await write(session, hello) || co_await reply(session) != 250) co_return false;
  if (!may_start_tls) co_return true;
  if (!session.offers_starttls) {
    if (access_.tls == ClientTls::require) fail("the server does not offer STARTTLS");
    co_return access_.tls != ClientTls::require;
  }
  if (!co_await write(session, "STARTTLS\r\n") || co_await reply(session) != 220) co_return false;
  if (!co_await start_tls(session)) co_return false;
  session.offers_pipelining = false;  // RFC 3207 §4.2: what was learned before is forgotten
  co_return co_await write(session, hello) && co_await reply(session) == 250;
}

world::Task<bool> LoadSource::start_tls(Session& session) {
  world::TlsClientPolicy policy{.server_name = IpAddress::parse(access_.host) ? std::string{} : access_.host};
  const auto done = co_await session.stream->start_tls(
      std::move(policy), after(world_.loop.now(), access_.timeout.value_or(usual_timeout)));
  if (!done) fail(done.error().text);
  co_return done.has_value();
}

/// Not before its time, when there is a rate.
world::Task<> LoadSource::pace() {
  if (order_.rate <= 0) co_return;
  const auto turn =
      std::max(next_start_, world_.loop.now() - std::chrono::seconds{1});  // what was missed is not all made up for
  next_start_ = after(turn, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / order_.rate)));
  co_await world::sleep_until(world_.loop, turn);
}

world::Task<LoadSource::Sent> LoadSource::send(Session& session) {
  const bool may_be_offered = order_.pipelining == LoadPipelining::where_offered && session.offers_pipelining;
  const bool pipelines = order_.pipelining == LoadPipelining::always || may_be_offered;
  return pipelines ? send_pipelined(session) : send_step_by_step(session);
}

std::string LoadSource::make_text(std::uint64_t number, std::uint64_t& octets) {
  octets = order_.least_octets;
  if (order_.most_octets > order_.least_octets) octets += random_.below(order_.most_octets - order_.least_octets + 1);
  auto text = fmt::format("From: <{}>\r\nTo: <{}>\r\nSubject: load {}\r\nMessage-ID: <{}.{:x}@load.invalid>\r\n\r\n",
                          numbered(order_.sender, number), numbered(order_.recipient, number), number, number,
                          started_.time_since_epoch().count());
  text += body_of(body_, octets);
  octets = text.size();
  return text += ".\r\n";
}

world::Task<LoadSource::Sent> LoadSource::send_step_by_step(Session& session) {
  const auto number = session.number;
  session.began = world_.loop.now();
  if (!co_await write(session, fmt::format("MAIL FROM:<{}>\r\n", numbered(order_.sender, number))))
    co_return Sent::broken;
  auto code = co_await reply(session);
  std::uint32_t taken = 0;
  unsigned refusal = code != 0 && code != 250 ? code : 0;
  for (std::uint32_t place = 0; code != 0 && refusal == 0 && place < order_.recipients; ++place) {
    if (!co_await write(
            session, fmt::format("RCPT TO:<{}>\r\n", numbered(order_.recipient, number * order_.recipients + place)))) {
      co_return Sent::broken;
    }
    code = co_await reply(session);
    if (code / 10 == 25) ++taken;
    if (code != 0 && code / 10 != 25) result_.refusals[code] += 1;
  }
  if (code == 0) co_return Sent::broken;
  if (refusal == 0 && taken > 0) {
    if (!co_await write(session, "DATA\r\n")) co_return Sent::broken;
    code = co_await reply(session);
    if (code == 0) co_return Sent::broken;
    if (code == 354) {
      Text text{.recipients = taken, .began = session.began};
      if (!co_await write(session, make_text(number, text.octets))) co_return Sent::broken;
      co_return co_await end_message(session, text);
    }
    refusal = code;
  }
  ++result_.refused;
  if (refusal != 0) result_.refusals[refusal] += 1;
  if (!co_await write(session, "RSET\r\n") || co_await reply(session) == 0) co_return Sent::broken;
  co_return Sent::refused;
}

std::string LoadSource::make_group(std::uint64_t number) const {
  auto group = fmt::format("MAIL FROM:<{}>\r\n", numbered(order_.sender, number));
  for (std::uint32_t place = 0; place < order_.recipients; ++place) {
    group += fmt::format("RCPT TO:<{}>\r\n", numbered(order_.recipient, number * order_.recipients + place));
  }
  return group += "DATA\r\n";
}

/// RFC 2920 §3.1: DATA ends a group, and a text may begin one.
world::Task<LoadSource::Sent> LoadSource::send_pipelined(Session& session) {
  const auto number = session.number;
  if (!std::exchange(session.is_announced, false)) {
    session.began = world_.loop.now();
    if (!co_await write(session, make_group(number))) co_return Sent::broken;
  }
  std::uint32_t taken = 0;
  for (std::uint32_t place = 0; place <= order_.recipients; ++place) {
    const auto code = co_await reply(session);
    if (code == 0) co_return Sent::broken;
    if (place > 0 && code / 10 == 25) ++taken;
    if (code / 10 != 25) result_.refusals[code] += 1;
  }
  const auto code = co_await reply(session);
  if (code == 0) co_return Sent::broken;
  if (code == 354) {
    Text text{.recipients = taken, .began = session.began};
    // RFC 2920 §3.1: with nobody to get it, an empty text ends it.
    auto bytes = taken > 0 ? make_text(number, text.octets) : std::string(".\r\n");
    if (const auto next = take_next(session)) {
      bytes += make_group(next);
      session.number = next;
      session.began = world_.loop.now();
      session.is_announced = true;
    }
    if (!co_await write(session, bytes)) co_return Sent::broken;
    co_return co_await end_message(session, text);
  }
  ++result_.refused;
  if (taken > 0) result_.refusals[code] += 1;
  if (!co_await write(session, "RSET\r\n") || co_await reply(session) == 0) co_return Sent::broken;
  co_return Sent::refused;
}

world::Task<LoadSource::Sent> LoadSource::end_message(Session& session, Text text) {
  const auto code = co_await reply(session);
  if (code == 0) co_return Sent::broken;
  if (code != 250 || text.recipients == 0) {
    ++result_.refused;
    if (text.recipients > 0) result_.refusals[code] += 1;
    co_return Sent::refused;
  }
  failed_in_a_row_ = 0;
  ++result_.messages;
  result_.octets += text.octets;
  result_.recipients += text.recipients;
  result_.sending.add(world_.loop.now() - text.began);
  co_return Sent::taken;
}

world::Task<bool> LoadSource::write(Session& session, std::string_view bytes) {
  const auto written =
      co_await session.stream->write(bytes, after(world_.loop.now(), access_.timeout.value_or(usual_timeout)));
  if (!written) fail(written.error().text);
  co_return written.has_value();
}

world::Task<unsigned> LoadSource::reply(Session& session) {
  auto& input = session.input;
  while (true) {
    const auto end = input.find('\n', session.read);
    if (end != std::string::npos) {
      const auto line = std::string_view(input).substr(session.read, end - session.read);
      session.read = end + 1;
      const auto code = line.size() >= 3 ? ascii::to_number(line.substr(0, 3)) : std::nullopt;
      if (!code || *code < 200 || *code > 599) {
        fail("a reply that is none");
        co_return 0;
      }
      const auto word = line.substr(std::min<std::size_t>(4, line.size()));
      if (ascii::starts_with_word(word, "STARTTLS")) session.offers_starttls = true;
      if (ascii::starts_with_word(word, "PIPELINING")) session.offers_pipelining = true;
      if (line.size() > 3 && line[3] == '-') continue;
      co_return static_cast<unsigned>(*code);
    }
    if (input.size() - session.read > longest_reply) {
      fail("a reply without end");
      co_return 0;
    }
    const auto bytes = co_await session.stream->read(after(world_.loop.now(), access_.timeout.value_or(usual_timeout)));
    if (!bytes || bytes->empty()) {
      fail(bytes ? "the server closed the connection" : bytes.error().text);
      co_return 0;
    }
    input.erase(0, session.read);
    session.read = 0;
    input += *bytes;
  }
}

void LoadSource::fail(std::string_view why) {
  auto text = LogText(why, 200).text();
  if (result_.failures.size() >= most_failures_told_apart && !result_.failures.contains(text)) text = "others";
  ++result_.failures[text];
}

}  // namespace posthorn::service
