#include "service/reception.hpp"

#include "base/assert.hpp"
#include "base/planted_fault.hpp"
#include "smtp/proxy_header.hpp"
#include "smtp/standard_replies.hpp"

#include <utility>
#include <variant>

namespace posthorn::service {
namespace {

constexpr std::size_t replies_before_flush = 16 * 1024;  // FAULTS, budgets: output per connection

template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};

store::Origin::Door door_of(rules::ListenerRole role) {
  using enum rules::ListenerRole;
  switch (role) {
    case mx:
      return store::Origin::Door::mx;
    case relay:
      return store::Origin::Door::relay;
    case submission:
      return store::Origin::Door::submission;
  }
  bug("a role without a door");
}

}  // namespace

Reception::Reception(ReceptionWorld& world, Start start)
    : world_(world),
      log_(start.log != nullptr ? *start.log : world.log),
      start_(std::move(start)),
      session_(listener().session),
      clock_(policy()) {}

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
  if (planted(PlantedFault::session_shutdown_ignored)) return;
  shutdown_ = how;
  start_.stream->interrupt_read();
}

/// Whose session it is: the client that a proxy named, or the peer.
IpAddress Reception::peer_address() const {
  if (client_address_) return *client_address_;
  const auto peer = start_.stream->peer();
  const auto* endpoint = std::get_if<Endpoint>(&peer);
  return endpoint != nullptr ? endpoint->address : IpAddress{};
}

world::Task<bool> Reception::open() {
  if (contains(listener().proxy_from, peer_address()) && !co_await read_proxy_header()) co_return false;
  smtp::Channel channel;
  if (listener().implicit_tls) {
    auto facts =
        co_await start_.stream->start_tls(listener().tls, after(world_.loop.now(), policy().handshake_timeout));
    if (!facts) {
      log_.info("tls.failed",
                {{"session", start_.session}, {"peer", peer_address().to_string()}, {"error", facts.error().text}});
      co_return false;
    }
    channel = note_tls(*facts);
  }
  co_await choose_settings();
  clock_.start_wait(world_.loop.now());
  if (start_.refusal) {
    session_.refuse_session(*start_.refusal);
  } else {
    session_.start(channel);
  }
  co_return true;
}

/// Who may name the client must (proxy-protocol.txt §2: never guess).
world::Task<bool> Reception::read_proxy_header() {
  const auto deadline = after(world_.loop.now(), policy().handshake_timeout);
  std::string octets;
  while (octets.size() <= smtp::most_proxy_octets) {
    const auto bytes = co_await start_.stream->read(deadline);
    if (!bytes || bytes->empty()) break;
    octets += *bytes;
    const auto header = smtp::read_proxy_header(octets);
    if (!header && header.error() == smtp::ProxyFault::malformed) break;
    if (!header) continue;
    if (octets.size() > header->octets) start_.stream->put_back(octets.substr(header->octets));
    if (header->client && !start_.refusal) start_.refusal = name_client(header->client->address);
    co_return true;
  }
  log_.warning("proxy.no_header",
               {{"session", start_.session},
                {"peer", peer_address().to_string()},
                {"what_to_do", "let the proxy send the PROXY protocol, or take it out of proxy_from"}});
  co_return false;
}

/// From now on the client is another, who counts by its own address. A refusal: that address has too many connections.
std::optional<smtp::Reply> Reception::name_client(const IpAddress& address) {
  start_.ticket = ConnectionLimits::Ticket{};
  auto [verdict, ticket] = start_.limits.admit(address);
  start_.ticket = std::move(ticket);
  log_.info("client.named",
            {{"session", start_.session}, {"peer", address.to_string()}, {"by", peer_address().to_string()}});
  client_address_ = address;
  if (contains(listener().refuse_from, address)) return smtp::replies::session_refused();
  return refusal_of(verdict);
}

void Reception::answer(const smtp::AskClient& question) {
  const auto& said = question.command.get();
  std::optional<mail::UserName> user;
  if (said.login) user = world_.gatekeeper.user_of_login(*said.login);
  if (said.login && !user) return session_.refuse(smtp::replies::bad_argument());
  if (said.host_name) client_host_ = *said.host_name;
  if (said.address) {
    if (auto refusal = name_client(*said.address)) return session_.refuse(*std::move(refusal));
  }
  session_.client_named(user ? user->text() : std::string{}, contains(listener().xclient_from, peer_address()));
}

/// SCRAM is offered while somebody can log in by it.
world::Task<> Reception::choose_settings() {
  auto settings = listener().session;
  if (listener().scram_session && world_.authenticator != nullptr) {
    const auto offer = co_await world_.authenticator->offer(world_.loop);
    if (offer.scram) settings = listener().scram_session;
  }
  if (contains(listener().xclient_from, peer_address())) {
    auto with_xclient = std::make_shared<smtp::ServerSettings>(*settings);
    with_xclient->xclient = true;
    settings = std::move(with_xclient);
  }
  if (settings != listener().session) session_.choose_settings(std::move(settings));
}

smtp::Channel Reception::note_tls(const world::TlsFacts& facts) {
  tls_ = facts.protocol + " " + facts.cipher;
  if (!listener().session->auth_mechanisms.empty()) {
    exporter_binding_ = facts.exporter_binding;
    unique_binding_ = facts.unique_binding;
  }
  return {.encrypted = true, .has_binding = !exporter_binding_.empty() || !unique_binding_.empty()};
}

/// For whoever looks over the session's shoulder: codes and lengths, never what the client said, which may be a password.
void Reception::note_reply(const smtp::Reply& reply) {
  if (const auto octets = session_.take_bad_line(); octets > 0) {
    log_.info("command.malformed", {{"session", start_.session},
                                    {"peer", peer_address().to_string()},
                                    {"length", octets},
                                    {"code", reply.code()}});
  }
  if (!log_.takes(world::LogLevel::debug)) return;
  log_.debug("session.reply",
             {{"session", start_.session}, {"peer", peer_address().to_string()}, {"code", reply.code()}});
}

/// Effects that need no waiting, which is nearly all of them.
bool Reception::perform_at_once(smtp::Effect& effect) {
  return std::visit(overloaded{
                        [this](const smtp::SendReply& send) {
                          send.reply.append_to(replies_);
                          note_reply(send.reply);
                          return true;
                        },
                        [this](const smtp::AskSender& question) {
                          if (!may_send(question)) return false;
                          const auto facts = world_.intake.spool.facts();
                          if (facts.accepting) {
                            session_.accept();
                          } else {
                            session_.refuse(reply_for(Error{facts.why, {}}));
                          }
                          return true;
                        },
                        [this](const smtp::AskRecipient& question) {
                          const auto refusal =
                              world_.gatekeeper.refuse_recipient(client(), question.recipient.get().address);
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
                        [this](const smtp::AskClient& question) {
                          answer(question);
                          return true;
                        },
                        [](const smtp::AskAuthentication&) { return false; },
                        [this](const smtp::BeginMessage&) {
                          intake_ = std::make_unique<Intake>(world_.intake, policy());
                          if (!session_.facts().user.empty()) intake_->expect_submission();
                          session_.accept();
                          return true;
                        },
                        [this](const smtp::MessageBytes& message) { return intake_->take(message.bytes); },
                        [this](const smtp::DropAuthentication&) {
                          login_.reset();
                          return true;
                        },
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
  } else if (const auto* sender = std::get_if<smtp::AskSender>(&effect)) {
    co_await look_again_at_sender(sender->envelope.get().sender);
  } else if (auto* authentication = std::get_if<smtp::AskAuthentication>(&effect)) {
    co_await authenticate(std::move(*authentication));
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

bool Reception::may_send(const smtp::AskSender& question) {
  const auto& user = session_.facts().user;
  if (user.empty()) return true;
  return !world_.gatekeeper.refuse_sender(policy().sender_check, user, question.envelope.get().sender);
}

world::Task<> Reception::look_again_at_sender(std::optional<mail::Address> sender) {
  const auto refusal =
      co_await world_.gatekeeper.look_again_at_sender(policy().sender_check, session_.facts().user, sender);
  if (!refusal) {
    session_.accept();
    co_return;
  }
  log_.info("sender.refused", {{"session", start_.session},
                               {"from", sender ? sender->to_string() : ""},
                               {"user", session_.facts().user},
                               {"peer", peer_address().to_string()},
                               {"code", refusal->code()},
                               {"reply", refusal->text()}});
  session_.refuse(*refusal);
}

world::Task<> Reception::authenticate(smtp::AskAuthentication question) {
  if (world_.authenticator == nullptr) {
    session_.refuse(smtp::replies::authentication_trouble());
    co_return;
  }
  co_await flush();
  if (question.is_first) {
    login_ = std::make_unique<Login>(
        LoginWorld{world_.loop, log_, *world_.authenticator, world_.desk, world_.gatekeeper},
        Login::Client{start_.session, peer_address(), policy().longest_login_delay, policy().login_timeout},
        world::AuthStart{.mechanism = std::string(question.mechanism),
                         .exporter_binding = exporter_binding_,
                         .unique_binding = unique_binding_});
  }
  auto outcome = co_await login_->respond(std::move(question.response));
  clock_.start_wait(world_.loop.now());
  if (auto* challenge = std::get_if<Login::Challenge>(&outcome)) {
    session_.challenge(challenge->octets);
    co_return;
  }
  login_.reset();
  if (auto* proved = std::get_if<Login::Proved>(&outcome)) {
    session_.authenticated(std::move(proved->user));
  } else {
    session_.refuse(std::move(std::get<smtp::Reply>(outcome)));
  }
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
    log_.info("tls.failed",
              {{"session", start_.session}, {"peer", peer_address().to_string()}, {"error", facts.error().text}});
    session_.tls_failed();
    co_return;
  }
  session_.tls_started(note_tls(*facts));
}

world::Task<> Reception::take_bytes(std::string_view bytes) {
  auto taken = co_await intake_->append(bytes);
  if (!taken) forget_message(taken.error());
}

void Reception::forget_message(const Error& why) {
  log_.error("message.not_stored", {{"session", start_.session}, {"message", intake_->id()}, {"error", why.text}});
  intake_.reset();
  session_.fail_message(reply_for(why));
}

world::Task<> Reception::end_message(mail::Envelope envelope) {
  const auto intake = std::move(intake_);
  if (auto refusal = intake->end_of_text()) {
    session_.refuse(*refusal);
    co_return;
  }
  if (const auto* header = intake->submission()) {
    const auto refusal = world_.gatekeeper.refuse_author(policy().sender_check, session_.facts().user, *header,
                                                         intake->scanner().facts());
    if (refusal) {
      log_.info("author.refused", {{"session", start_.session},
                                   {"message", intake->id()},
                                   {"user", session_.facts().user},
                                   {"peer", peer_address().to_string()},
                                   {"code", refusal->code()},
                                   {"reply", refusal->text()}});
      session_.refuse(*refusal);
      co_return;
    }
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
  const bool info = log_.takes(world::LogLevel::info);
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
    log_.info("message.accepted", {{"session", start_.session},
                                   {"message", id},
                                   {"from", sender},
                                   {"recipients", recipients},
                                   {"size", octets},
                                   {"peer", peer_address().to_string()}});
  }
  if (planted(PlantedFault::intake_acknowledged_twice)) reply.append_to(replies_);
  session_.accept(std::move(reply));
  clock_.start_wait(world_.loop.now());
}

/// RFC 5321 §4.4: what we add on top of each message.
std::string Reception::trace_field(const mail::Envelope& envelope, MessageId id) const {
  mail::ReceivedFacts facts{.helo = session_.facts().hello,
                            .host_name = client_host_,
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
  log_.info(event, {{"session", start_.session},
                    {"to", recipient.to_string()},
                    {"peer", peer_address().to_string()},
                    {"code", reply.code()},
                    {"reply", reply.text()}});
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
