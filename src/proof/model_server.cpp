#include "proof/model_server.hpp"

#include "world/wait.hpp"

#include <fmt/core.h>

#include <utility>

namespace posthorn::proof {
namespace {

using namespace std::chrono_literals;

constexpr Duration silence = 15min;  // longer than any sender waits
constexpr Duration patience = 20min;

/// What stands between the first brackets.
std::string path_in(std::string_view line) {
  const auto begin = line.find('<');
  const auto end = line.find('>');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return {};
  return std::string(line.substr(begin + 1, end - begin - 1));
}

}  // namespace

struct ModelServer::Session {
  std::unique_ptr<world::Stream> stream{};
  MonotonicTime connected{};
  std::string input{};
  std::size_t answered = 0;  // octets of it
  std::string sender{};
  std::vector<std::string> recipients{};
  std::vector<std::string> put_off{};
  std::string text{};
  bool has_greeted = false;
  bool has_mail = false;
  bool in_data = false;
  bool offers_tls = false;
  bool ends = false;
  bool drops = false;
  bool stalls = false;
  bool is_counted = false;  // as an open transaction
  bool is_counted_later = false;
};

ModelServer::ModelServer(ModelWorld& world, Endpoint at, std::string domain, bool is_patient)
    : world_(world),
      name_(at.to_string()),
      domain_(std::move(domain)),
      acceptor_(world.network.listen(at)),
      is_patient_(is_patient) {
  tasks_.start(accept());
}

world::Task<> ModelServer::accept() {
  while (true) {
    auto stream = co_await acceptor_->accept();
    if (!stream) co_return;
    tasks_.start(serve(std::move(*stream)));
  }
}

world::Task<> ModelServer::serve(std::unique_ptr<world::Stream> stream) {
  Session session{.stream = std::move(stream),
                  .connected = world_.loop.now(),
                  .offers_tls = world_.random.chance(world_.plan.temper.tls)};
  auto out = answer(session, "", draw_mood());
  while (true) {
    if (session.stalls && !co_await keep_silent(session, silence)) break;
    if (!is_calm_ && world_.random.chance(world_.plan.temper.tarpit) &&
        !co_await keep_silent(session, Duration{1s} * (1 + world_.random.below(20)))) {
      break;
    }
    world_.trace.note(name_, "says", out, {});
    if (!out.empty() && !co_await session.stream->write(out, after(world_.loop.now(), patience))) break;
    if (session.drops || session.ends) break;
    if (std::exchange(session.is_counted_later, false)) start_counting(session);
    if (out.starts_with("220 go over") && !co_await go_over_to_tls(session)) break;
    out.clear();
    while (out.empty() && !session.drops) {
      const auto end = session.input.find("\r\n", session.answered);
      if (end == std::string::npos) {
        session.input.erase(0, std::exchange(session.answered, 0));
        const auto bytes = co_await session.stream->read(after(world_.loop.now(), patience));
        if (!bytes || bytes->empty()) {
          session.drops = true;
          break;
        }
        session.input += *bytes;
        continue;
      }
      const auto line = std::string_view(session.input).substr(session.answered, end - session.answered);
      session.answered = end + 2;
      if (!session.in_data) world_.trace.note(name_, "hears", line, {});
      const bool is_due = !session.in_data || line == ".";
      out = answer(session, line, is_due ? draw_mood() : Mood::good);
    }
  }
  end_transaction(session);
  const bool may_be_unheard = !session.ends && world_.plan.network.cut_per_million > 0;
  for (const auto& recipient : session.put_off) {
    if (may_be_unheard) world_.ledger.refusal_is_unheard(name_, recipient);
  }
}

/// Notices when the other side goes: its transaction is over then.
world::Task<bool> ModelServer::keep_silent(Session& session, Duration time) {
  const auto end = after(world_.loop.now(), time);
  while (world_.loop.now() < end) {
    const auto bytes = co_await session.stream->read(end);
    if (!bytes) co_return bytes.error().kind == Error::Kind::timed_out;
    if (bytes->empty()) co_return false;
    session.input += *bytes;
  }
  co_return true;
}

world::Task<bool> ModelServer::go_over_to_tls(Session& session) {
  if (!is_calm_ && world_.random.chance(world_.plan.temper.tls_failure)) {
    static_cast<void>(co_await session.stream->write("nonsense\r\n", after(world_.loop.now(), 1min)));
    co_return false;
  }
  const auto facts = co_await session.stream->start_tls(world::TlsServerPolicy{}, after(world_.loop.now(), 1min));
  session.offers_tls = false;
  session.has_greeted = false;
  session.input.clear();
  session.answered = 0;
  co_return facts.has_value();
}

ModelServer::Mood ModelServer::draw_mood() {
  if (is_calm_) return Mood::good;
  const auto& temper = world_.plan.temper;
  auto& random = world_.random;
  if (random.chance(temper.drop)) return Mood::drop;
  if (random.chance(temper.garbage)) return Mood::garbage;
  if (random.chance(temper.stall)) return Mood::stall;
  if (random.chance(temper.soft)) return Mood::soft;
  if (!is_patient_ && random.chance(temper.hard)) return Mood::hard;
  return Mood::good;
}

std::string ModelServer::answer(Session& session, std::string_view line, Mood mood) {
  if (session.in_data && line != ".") {
    session.text += line.starts_with('.') ? line.substr(1) : line;
    session.text += "\r\n";
    return {};
  }
  if (session.in_data) return take(session, mood);
  session.drops = mood == Mood::drop;
  session.stalls = mood == Mood::stall;
  if (session.drops) return {};
  // What was nonsense to the sender is a failure to us: nothing of it counts.
  if (mood == Mood::garbage) {
    end_transaction(session);
    session.drops = true;
    return "** out of order **\r\n";
  }
  if (line.starts_with("MAIL")) return answer_mail(session, line, mood);
  if (line.starts_with("RCPT")) return answer_recipient(session, line, mood);
  if (line == "DATA") return answer_data(session, mood);
  if (line == "QUIT") {
    session.ends = true;
    return "221 2.0.0 bye\r\n";
  }
  if (line == "RSET") {
    end_transaction(session);
    return "250 2.0.0 forgotten\r\n";
  }
  if (mood == Mood::hard) world_.ledger.cause_for_failure_of_domain(domain_);
  if (mood == Mood::soft) return "421 4.3.2 not now\r\n";
  if (mood == Mood::hard) return "554 5.3.2 never\r\n";
  if (line.empty()) return fmt::format("220 {} ESMTP\r\n", name_);
  if (line == "STARTTLS") return "220 go over\r\n";
  if (!line.starts_with("EHLO") && !line.starts_with("HELO")) {
    world_.ledger.violate("I16", fmt::format("{} was sent: {}", name_, line));
    return "500 5.5.1 what?\r\n";
  }
  session.has_greeted = true;
  return fmt::format("250-{}\r\n250-PIPELINING\r\n{}250 8BITMIME\r\n", name_,
                     session.offers_tls ? "250-STARTTLS\r\n" : "");
}

std::string ModelServer::answer_mail(Session& session, std::string_view line, Mood mood) {
  if (!session.has_greeted || session.has_mail) world_.ledger.violate("I16", name_ + " was sent MAIL out of order");
  if (mood == Mood::hard) world_.ledger.cause_for_failure_of_domain(domain_);
  if (mood == Mood::soft) return "450 4.2.1 not now\r\n";
  if (mood == Mood::hard) return "550 5.7.1 not from you\r\n";
  session.sender = path_in(line);
  session.has_mail = true;
  return "250 2.1.0 ok\r\n";
}

std::string ModelServer::answer_recipient(Session& session, std::string_view line, Mood mood) {
  const auto recipient = path_in(line);
  world_.ledger.tried_elsewhere(name_, recipient, session.connected);
  if (!session.has_mail) return "503 5.5.1 MAIL first\r\n";
  if (!recipient.ends_with("@" + domain_))
    world_.ledger.violate("I6", fmt::format("{} was offered {}", name_, recipient));
  if (recipient.starts_with("gone-") || mood == Mood::hard) {
    world_.ledger.cause_for_failure(recipient);
    return "550 5.1.1 nobody of that name\r\n";
  }
  if (mood == Mood::soft || is_greylisted(recipient)) {
    world_.ledger.refused_elsewhere(name_, recipient, session.connected);
    session.put_off.push_back(recipient);
    return mood == Mood::soft ? "450 4.2.1 the mailbox is busy\r\n" : "450 4.7.1 Greylisted, come back later\r\n";
  }
  if (session.recipients.empty()) start_counting(session);
  if (session.recipients.empty() && open_transactions_ > world_.ledger.most_transactions(domain_)) {
    world_.ledger.violate("I13", fmt::format("{} has {} transactions open", name_, open_transactions_));
  }
  session.recipients.push_back(recipient);
  if (session.recipients.size() > world_.plan.recipients_per_transaction) {
    world_.ledger.violate("I13", fmt::format("{} was offered {} recipients at once", name_, session.recipients.size()));
  }
  return "250 2.1.5 ok\r\n";
}

std::string ModelServer::answer_data(Session& session, Mood mood) {
  if (session.recipients.empty()) return "554 5.5.1 nobody to get it\r\n";
  if (mood == Mood::soft) {
    end_transaction(session);
    return "451 4.3.0 not now\r\n";
  }
  if (mood == Mood::hard) {
    for (const auto& recipient : session.recipients) world_.ledger.cause_for_failure(recipient);
    end_transaction(session);
    return "554 5.6.0 never\r\n";
  }
  session.in_data = true;
  session.text.clear();
  return "354 go on\r\n";
}

std::string ModelServer::take(Session& session, Mood mood) {
  session.in_data = false;
  const auto recipients = session.recipients;
  const auto sender = session.sender;
  end_transaction(session);
  if (mood == Mood::soft) return "451 4.3.0 not now\r\n";
  if (mood == Mood::hard) {
    for (const auto& recipient : recipients) world_.ledger.cause_for_failure(recipient);
    return "554 5.6.0 not this\r\n";
  }
  const bool loses = !is_calm_ && world_.random.chance(world_.plan.temper.lose_after_dot);
  const bool keeps = mood == Mood::good || world_.random.chance(50);
  // Where the network cuts, the answer may be lost as well.
  const bool doubtful = loses || mood != Mood::good || (!is_calm_ && world_.plan.network.cut_per_million > 0);
  if (keeps) world_.ledger.taken_elsewhere({sender, recipients, session.text, session.connected, doubtful});
  session.stalls = mood == Mood::stall;
  session.drops = loses || mood == Mood::drop || mood == Mood::garbage;
  if (mood == Mood::garbage) return "** taken, perhaps **\r\n";
  if (session.drops) return {};
  return "250 2.0.0 taken\r\n";
}

bool ModelServer::is_greylisted(const std::string& recipient) {
  if (is_calm_ || world_.plan.temper.greylist == 0) return false;
  return known_.insert(recipient).second;
}

void ModelServer::end_transaction(Session& session) {
  session.has_mail = false;
  static_cast<void>(stop_counting(session));
  session.recipients.clear();
}

void ModelServer::start_counting(Session& session) {
  session.is_counted = true;
  ++open_transactions_;
}

bool ModelServer::stop_counting(Session& session) {
  const bool was_counted = std::exchange(session.is_counted, false);
  if (was_counted) --open_transactions_;
  return was_counted;
}

}  // namespace posthorn::proof
