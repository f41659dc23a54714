#include "service/reception.hpp"

#include "base/assert.hpp"

#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

constexpr std::size_t replies_before_flush = 16 * 1024;   // FAULTS, budgets: output per connection

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

store::Origin::Door door_of(rules::ListenerRole role) {
  using enum rules::ListenerRole;
  switch (role) {
    case mx: return store::Origin::Door::mx;
    case relay: return store::Origin::Door::relay;
    case submission: return store::Origin::Door::submission;
  }
  bug("a role without a door");
}

}  // namespace

Reception::Reception(ReceptionWorld& world, Start start)
    : world_(world), start_(std::move(start)), session_(listener().session), clock_(policy()) {}

world::Task<> Reception::run() {
  if (!co_await open()) co_return;
  while (!over_) {
    auto effect = session_.next();
    if (replies_.size() > replies_before_flush) co_await flush();
    if (perform_at_once(effect)) continue;
    if (std::holds_alternative<smtp::Wait>(effect)) {
      co_await wait();
    } else {
      co_await perform(std::move(effect));
    }
  }
}

void Reception::shut_down(smtp::ServerSession::Shutdown how) {
  shutdown_ = how;
  start_.stream->interrupt_read();
}

IpAddress Reception::peer_address() const {
  const auto peer = start_.stream->peer();
  const auto* endpoint = std::get_if<Endpoint>(&peer);
  return endpoint != nullptr ? endpoint->address : IpAddress{};
}

world::Task<bool> Reception::open() {
  smtp::Channel channel;
  if (listener().implicit_tls) {
    auto facts = co_await start_.stream->start_tls(listener().tls, after(world_.loop.now(), policy().handshake_timeout));
    if (!facts) {
      world_.log.info("tls.failed", {{"session", start_.session}, {"peer", peer_address().to_string()},
                                     {"error", facts.error().text}});
      co_return false;
    }
    channel = {.encrypted = true, .has_binding = !facts->exporter_binding.empty()};
    tls_ = facts->protocol + " " + facts->cipher;
  }
  clock_.start_wait(world_.loop.now());
  if (start_.refusal) {
    session_.refuse_session(*start_.refusal);
  } else {
    session_.start(channel);
  }
  co_return true;
}

/// Effects that need no waiting, which is nearly all of them.
bool Reception::perform_at_once(smtp::Effect& effect) {
  return std::visit(
      overloaded{
          [this](const smtp::SendReply& send) {
            send.reply.append_to(replies_);
            return true;
          },
          [this](const smtp::AskSender&) {
            const auto facts = world_.intake.spool.facts();
            if (facts.accepting) {
              session_.accept();
            } else {
              session_.refuse(reply_for(Error{facts.why, {}}));
            }
            return true;
          },
          [this](const smtp::AskRecipient& question) {
            const auto refusal = world_.gatekeeper.refuse_recipient(client(), question.recipient.get().address);
            if (refusal && says_unknown_user(*refusal)) return false;
            if (refusal) {
              log_refusal("recipient.refused", *refusal, question.recipient.get().address);
              session_.refuse(*refusal);
            } else {
              session_.accept();
            }
            return true;
          },
          [this](const smtp::AskVerify& question) {
            auto reply = world_.gatekeeper.verify(question.text);
            if (reply.is_refusal()) {
              session_.refuse(std::move(reply));
            } else {
              session_.accept(std::move(reply));
            }
            return true;
          },
          [this](const smtp::AskAuthentication&) {
            session_.refuse({454, {4, 7, 0}, "no authentication here now"});
            return true;
          },
          [this](const smtp::BeginMessage&) {
            intake_ = std::make_unique<Intake>(world_.intake, policy());
            session_.accept();
            return true;
          },
          [this](const smtp::MessageBytes& message) { return intake_->take(message.bytes); },
          [](const smtp::DropAuthentication&) { return true; },
          [this](const smtp::DropMessage&) {
            intake_.reset();
            return true;
          },
          [](const smtp::Wait&) { return false; },
          [](const smtp::StartTls&) { return false; },
          [](const smtp::EndMessage&) { return false; },
          [](const smtp::Close&) { return false; },
      },
      effect);
}

world::Task<> Reception::perform(smtp::Effect effect) {
  if (const auto* message = std::get_if<smtp::MessageBytes>(&effect)) {
    co_await take_bytes(message->bytes);
  } else if (const auto* end = std::get_if<smtp::EndMessage>(&effect)) {
    co_await end_message(std::move(end->envelope.get()));
  } else if (const auto* recipient = std::get_if<smtp::AskRecipient>(&effect)) {
    co_await look_again(recipient->recipient.get().address);
  } else if (const auto* tls = std::get_if<smtp::StartTls>(&effect)) {
    co_await start_tls(tls->ready);
  } else {
    co_await close();
  }
}

world::Task<> Reception::wait() {
  co_await flush();
  if (broken_) {
    session_.end_of_stream();
    co_return;
  }
  if (const auto how = std::exchange(shutdown_, std::nullopt)) {
    session_.shut_down(*how);
    co_return;
  }
  if (!session_.wants_input()) co_return;
  clock_.note_commands(world_.loop.now(), session_.facts().commands);
  const bool reading_data = session_.is_reading_data();
  const auto bytes = co_await start_.stream->read(clock_.deadline());
  if (!bytes) {
    note_read_failure(bytes.error());
  } else if (bytes->empty()) {
    session_.end_of_stream();
  } else {
    clock_.note_read(world_.loop.now(), bytes->size(), reading_data);
    session_.receive(held(*bytes));
  }
}

/// What was read stands in the loop's buffer until we suspend. A body that goes to a file suspends between its pieces, so
/// that its octets are held here; all else is taken at once.
std::string_view Reception::held(std::string_view bytes) {
  const auto in_memory = intake_ ? intake_->scanner().facts().octets : 0;
  if (in_memory + bytes.size() <= policy().inline_octets) {
    held_ = {};
    return bytes;
  }
  held_ = bytes;
  return held_;
}

void Reception::note_read_failure(const Error& error) {
  if (error.kind == Error::Kind::interrupted) return;
  if (error.kind != Error::Kind::timed_out) {
    session_.end_of_stream();
  } else if (clock_.is_too_slow(world_.loop.now())) {
    session_.too_slow();
  } else if (!clock_.goes_on(world_.loop.now())) {
    session_.timed_out();
  }
}

world::Task<> Reception::look_again(mail::Address recipient) {
  const auto refusal = co_await world_.gatekeeper.look_again(client(), recipient);
  if (!refusal) {
    session_.accept();
    co_return;
  }
  log_refusal("recipient.refused", *refusal, recipient);
  session_.refuse(*refusal);
}

world::Task<> Reception::start_tls(smtp::Reply ready) {
  if (start_.stream->has_unread_bytes()) {
    session_.plain_text_came();
    co_return;
  }
  ready.append_to(replies_);
  co_await flush();
  auto facts = co_await start_.stream->start_tls(listener().tls, after(world_.loop.now(), policy().handshake_timeout));
  clock_.start_wait(world_.loop.now());
  if (!facts) {
    world_.log.info("tls.failed", {{"session", start_.session}, {"peer", peer_address().to_string()},
                                   {"error", facts.error().text}});
    session_.tls_failed();
    co_return;
  }
  tls_ = facts->protocol + " " + facts->cipher;
  session_.tls_started({.encrypted = true, .has_binding = !facts->exporter_binding.empty()});
}

world::Task<> Reception::take_bytes(std::string_view bytes) {
  auto taken = co_await intake_->append(bytes);
  if (!taken) forget_message(taken.error());
}

void Reception::forget_message(const Error& why) {
  world_.log.error("message.not_stored",
                   {{"session", start_.session}, {"message", intake_->id()}, {"error", why.text}});
  intake_.reset();
  session_.fail_message(reply_for(why));
}

world::Task<> Reception::end_message(mail::Envelope envelope) {
  const auto intake = std::move(intake_);
  if (auto refusal = intake->end_of_text()) {
    session_.refuse(*refusal);
    co_return;
  }
  IntakeEnvelope last{.head = trace_field(envelope, intake->id())};
  auto expansion = world_.gatekeeper.expand(std::move(envelope));
  if (expansion.refusal) {
    session_.refuse(*expansion.refusal);
    co_return;
  }
  co_await flush();
  last.origin = {.door = door_of(listener().role),
                 .user = session_.facts().user,
                 .peer = peer_address().to_string(),
                 .session = start_.session};
  last.envelope = std::move(expansion.envelope);
  const bool info = world_.log.takes(world::LogLevel::info);
  const auto sender = info && last.envelope.sender ? last.envelope.sender->to_string() : std::string{};
  const auto recipients = last.envelope.recipients.size();
  const auto octets = intake->scanner().facts().octets;
  const auto id = intake->id();
  auto reply = co_await intake->commit(std::move(last));
  if (!reply.is_success()) {
    session_.refuse(std::move(reply));
    co_return;
  }
  if (info) {
    world_.log.info("message.accepted", {{"session", start_.session}, {"message", id}, {"from", sender},
                                         {"recipients", recipients}, {"size", octets},
                                         {"peer", peer_address().to_string()}});
  }
  session_.accept(std::move(reply));
  clock_.start_wait(world_.loop.now());
}

/// RFC 5321 §4.4: what we add on top of each message.
std::string Reception::trace_field(const mail::Envelope& envelope, MessageId id) const {
  mail::ReceivedFacts facts{.helo = session_.facts().hello,
                            .address = peer_address(),
                            .by = policy().hostname,
                            .with = session_.transmission_type(),
                            .tls = tls_,
                            .id = id,
                            .time = world_.loop.clock().wall()};
  if (envelope.recipients.size() == 1) facts.recipient = envelope.recipients.front().address;
  return mail::received_field(facts);
}

void Reception::log_refusal(std::string_view event, const smtp::Reply& reply, const mail::Address& recipient) const {
  world_.intake.traffic.recipient_refused();
  world_.log.info(event, {{"session", start_.session}, {"to", recipient.to_string()},
                          {"peer", peer_address().to_string()}, {"code", reply.code()}, {"reply", reply.text()}});
}

world::Task<> Reception::flush() {
  if (replies_.empty() || broken_) co_return;
  const auto sent = std::exchange(replies_, {});
  const auto written = co_await start_.stream->write(sent, after(world_.loop.now(), policy().command_timeout));
  broken_ = !written.has_value();
}

world::Task<> Reception::close() {
  over_ = true;
  co_await flush();
}

}  // namespace posthorn::service
