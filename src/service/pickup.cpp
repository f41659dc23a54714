#include "service/pickup.hpp"

#include "mail/trace_field.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

constexpr std::size_t piece_octets = 64U << 10;
constexpr std::size_t most_complaints = 1'000;
constexpr std::string_view look_at_it = "look at it; the server goes on without it";

/// Whose letters may name any sender.
bool is_trusted(unsigned account, const PickupSettings& settings) {
  return account == 0 || account == settings.own_account;
}

std::string words_of(const smtp::Reply& reply) { return fmt::format("{} {}", reply.code(), reply.text()); }

}  // namespace

Pickup::Pickup(World world, store::DropFolder folder, PickupSettings settings)
    : world_(world),
      folder_(std::move(folder)),
      settings_(std::move(settings)),
      intake_{world.loop,   world.spool,  world.log,
              world.names,  world.routes, [this](MessageId, std::vector<Group> groups) { groups_ = std::move(groups); },
              world.traffic} {}

void Pickup::change(rules::SenderCheck sender_check, std::string hostname) {
  settings_.sender_check = sender_check;
  settings_.hostname = std::move(hostname);
}

world::Task<> Pickup::settle_claims() {
  const auto found = co_await find(Which::claimed);
  for (const auto& name : found) {
    if (stored_as(name)) static_cast<void>(co_await remove(name));
  }
}

/// The id by which the spool has it; none: it has not.
std::optional<MessageId> Pickup::stored_as(const store::DropName& name) const {
  const auto found =
      std::ranges::find_if(name.claims, [this](MessageId id) { return world_.spool.find(id).has_value(); });
  return found == name.claims.end() ? std::nullopt : std::optional{*found};
}

world::Task<> Pickup::run(world::Event& end) {
  do {
    co_await take_all(end);
  } while (!co_await end.wait(after(world_.loop.now(), settings_.interval)));
}

world::Task<std::vector<store::DropName>> Pickup::find(Which which) {
  auto found = co_await world::on_workers(world_.workers, world_.loop,
                                          [this, which] { return folder_.find(which, world_.loop.clock().wall()); });
  if (!found) {
    complain(folder_.path(), "drop.unreadable", found.error().text);
    co_return std::vector<store::DropName>{};
  }
  for (const auto& fault : found->faults) complain(fault, "drop.unreadable", fault);
  co_return std::move(found->letters);
}

world::Task<> Pickup::take_all(world::Event& end) {
  const auto found = co_await find(Which::next);
  for (const auto& name : found) {
    if (end.is_set() || !world_.spool.facts().accepting) co_return;
    if (co_await take(name) == Taken::not_now) co_return;
  }
}

world::Task<Pickup::Taken> Pickup::take(store::DropName name) {
  if (const auto id = stored_as(name)) {
    co_await take_claimed(name, *id);
    co_return Taken::done;
  }
  auto letter = co_await open(name);
  if (!letter) co_return Taken::done;
  if (const auto refusal = co_await judge_sender(*letter)) {
    co_await set_aside(name, letter->account + " may not name this sender: " + words_of(*refusal));
    co_return Taken::done;
  }
  co_await judge_recipients(*letter);
  co_return co_await store(std::move(*letter));
}

world::Task<std::optional<Pickup::Letter>> Pickup::open(store::DropName name) {
  auto opened = co_await world::on_workers(world_.workers, world_.loop, [&]() -> Result<Letter> {
    auto letter = folder_.open_letter(name);
    if (!letter) return failure(std::move(letter.error()));
    const auto owner = letter->owner;
    return Letter{name, std::move(*letter), settings_.name_of_account(owner), {}, {}};
  });
  if (opened) co_return std::move(*opened);
  using enum Error::Kind;
  const auto kind = opened.error().kind;
  if (kind == invalid || kind == is_link || kind == not_permitted) {
    co_await set_aside(name, opened.error().text);
  } else if (kind != not_found) {
    complain(name.text(), "drop.unreadable", opened.error().text);
  }
  co_return std::nullopt;
}

world::Task<std::optional<smtp::Reply>> Pickup::judge_sender(const Letter& letter) {
  if (is_trusted(letter.open.owner, settings_)) co_return std::nullopt;
  const auto& sender = letter.open.letter.envelope.sender;
  if (!world_.gatekeeper.refuse_sender(settings_.sender_check, letter.account, sender)) co_return std::nullopt;
  co_return co_await world_.gatekeeper.look_again_at_sender(settings_.sender_check, letter.account, sender);
}

/// Who is refused leaves the envelope and is remembered with the reason.
world::Task<> Pickup::judge_recipients(Letter& letter) {
  const Client client{.role = rules::ListenerRole::relay, .user = {}};
  std::vector<mail::Recipient> good;
  for (auto& recipient : letter.open.letter.envelope.recipients) {
    auto refusal = world_.gatekeeper.refuse_recipient(client, recipient.address);
    if (refusal && says_unknown_user(*refusal))
      refusal = co_await world_.gatekeeper.look_again(client, recipient.address);
    if (!refusal) {
      good.push_back(std::move(recipient));
      continue;
    }
    world_.traffic.recipient_refused();
    world_.log.info("recipient.refused", {{"session", letter.name.letter},
                                          {"to", recipient.address.to_string()},
                                          {"user", letter.account},
                                          {"code", refusal->code()},
                                          {"reply", refusal->text()}});
    letter.refused.push_back(std::move(recipient));
    letter.refusals.push_back(std::move(*refusal));
  }
  letter.open.letter.envelope.recipients = std::move(good);
}

world::Task<Pickup::Taken> Pickup::store(Letter letter) {
  const auto policy = world_.policy.current();
  Intake intake(intake_, policy->reception);
  intake.expect_submission();
  if (const auto read = co_await read_text(letter, intake); !read) {
    complain(letter.name.text(), "message.not_stored", read.error().text);
    co_return Taken::not_now;
  }
  if (const auto refusal = intake.end_of_text()) {
    co_await set_aside(letter.name, words_of(*refusal));
    co_return Taken::done;
  }
  const bool has_refused = !letter.refused.empty();
  IntakeEnvelope last{.head = trace_field(letter, intake.id())};
  auto expansion = world_.gatekeeper.expand(std::move(letter.open.letter.envelope));
  if (expansion.refusal) co_return Taken::not_now;  // somebody left this moment
  last.envelope = std::move(expansion.envelope);
  if (has_refused) last.states = states_of(letter, last.envelope, intake.id());
  std::ranges::move(letter.refused, std::back_inserter(last.envelope.recipients));
  if (std::ranges::all_of(last.states, &store::RecipientState::is_final) && !last.states.empty()) {
    co_await set_aside(letter.name, "nobody may get it, and nobody is to be told of that");
    co_return Taken::done;
  }
  last.origin = {.door = store::Origin::Door::local, .user = letter.account, .peer = {}, .session = letter.name.letter};
  const auto claimed =
      co_await world::on_workers(world_.workers, world_.loop, [&] { return folder_.claim(letter.name, intake.id()); });
  if (!claimed) {
    complain(letter.name.text(), "drop.unreadable", claimed.error().text);
    co_return Taken::done;
  }
  const auto sender = last.envelope.sender ? last.envelope.sender->to_string() : std::string{};
  const auto recipients = last.envelope.recipients.size();
  const auto reply = co_await intake.commit(std::move(last));
  if (!reply.is_success()) co_return Taken::not_now;
  world_.log.info("message.accepted", {{"session", letter.name.letter},
                                       {"message", intake.id()},
                                       {"from", sender},
                                       {"recipients", recipients},
                                       {"size", intake.scanner().facts().octets},
                                       {"user", letter.account}});
  stored_.emplace(intake.id(), Stored{std::move(groups_), has_refused});
  if (co_await remove(*claimed)) co_await hand_over(intake.id());
  co_return Taken::done;
}

world::Task<Result<>> Pickup::read_text(const Letter& letter, Intake& intake) {
  std::string piece(piece_octets, '\0');
  for (std::uint64_t offset = letter.open.letter.text_begins; offset < letter.open.octets;) {
    const auto count = co_await world::on_workers(world_.workers, world_.loop,
                                                  [&] { return letter.open.file->read_at(offset, piece); });
    if (!count) co_return failure(count.error());
    if (*count == 0) break;
    offset += *count;
    const auto octets = std::string_view(piece).substr(0, *count);
    if (intake.take(octets)) continue;
    if (auto taken = co_await intake.append(octets); !taken) co_return taken;
  }
  co_return Result<>{};
}

/// The accepted ones are queued, the refused ones have failed, in the order in which they will stand in the envelope.
std::vector<store::RecipientState> Pickup::states_of(const Letter& letter, const mail::Envelope& envelope,
                                                     MessageId id) const {
  std::vector<store::RecipientState> states(envelope.recipients.size());
  store::StoredMessage message{.id = id, .envelope = envelope, .states = states, .arrival = world_.loop.clock().wall()};
  for (std::size_t place = 0; place < letter.refused.size(); ++place) {
    const auto& refusal = letter.refusals[place];
    store::RecipientState state{.status = store::RecipientStatus::failed, .changed = message.arrival};
    state.status_code = refusal.status() ? refusal.status()->to_string() : std::string{};
    state.reply = std::string(refusal.text());
    message.envelope.recipients.push_back(letter.refused[place]);
    message.states.push_back(state);
    const auto number = static_cast<std::uint32_t>(states.size());
    state.report_due = world_.reporter.owes_report(message, round_event_of(number, state));
    states.push_back(std::move(state));
  }
  return states;
}

std::string Pickup::trace_field(const Letter& letter, MessageId id) const {
  mail::ReceivedFacts facts{.by = settings_.hostname,
                            .account = letter.account + ", number " + std::to_string(letter.open.owner),
                            .id = id,
                            .time = world_.loop.clock().wall()};
  const auto& recipients = letter.open.letter.envelope.recipients;
  if (recipients.size() == 1) facts.recipient = recipients.front().address;
  return mail::received_field(facts);
}

/// The spool knows a message by the letter's claim.
world::Task<> Pickup::take_claimed(store::DropName name, MessageId id) {
  if (stored_.contains(id)) {
    if (co_await remove(name)) co_await hand_over(id);
  } else if (!world_.spool.is_of_this_start(id)) {
    static_cast<void>(co_await remove(name));  // the queue has had it since the start
  }
  // Else the spool is taking out what it could not store in time, or somebody made the name up.
}

/// Delivered while its letter is there, it would be delivered again after the next start.
world::Task<bool> Pickup::remove(store::DropName name) {
  const auto removed = co_await world::on_workers(world_.workers, world_.loop, [&] { return folder_.remove(name); });
  if (!removed) complain(name.text(), "drop.not_removed", removed.error().text);
  co_return removed.has_value();
}

world::Task<> Pickup::hand_over(MessageId id) {
  const auto stored = stored_.extract(id);
  auto& [groups, has_refused] = stored.mapped();
  if (has_refused) {
    co_await world_.queue.take_up(id);
  } else {
    world_.queue.accepted(id, std::move(groups));
  }
}

world::Task<> Pickup::set_aside(store::DropName name, std::string why) {
  world_.log.error("drop.refused", {{"file", name.text()}, {"error", why}, {"what_to_do", look_at_it}});
  world_.traffic.message_refused();
  const auto done = co_await world::on_workers(world_.workers, world_.loop, [&] { return folder_.set_aside(name); });
  if (!done) complain(name.text(), "drop.unreadable", done.error().text);
}

/// Once, since it would be found again at each look.
void Pickup::complain(const std::string& about, std::string_view event, std::string_view why) {
  if (told_.size() >= most_complaints) told_.clear();
  if (!told_.insert(about).second) return;
  world_.log.error(event, {{"file", about}, {"error", why}, {"what_to_do", look_at_it}});
}

}  // namespace posthorn::service
