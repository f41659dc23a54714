#include "service/local_delivery.hpp"

#include "service/local_delivery_batch.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

/// What the sender is told; the reason with its paths goes to the log.
struct Words {
  RecipientResult::What what;
  std::string_view code;
  std::string_view text;
};

Words words_for(const LocalBatch::Copy& copy) {
  using What = RecipientResult::What;
  if (copy.result) return {What::delivered, "2.0.0", "delivered to the mailbox"};
  if (copy.is_unreadable) return {What::failed, "5.3.0", "the message was damaged in storage"};
  const auto kind = copy.result.error().kind;
  if (kind == Error::Kind::over_quota) return {What::deferred, "4.2.2", "the mailbox is full"};
  if (kind == Error::Kind::no_space) return {What::deferred, "4.3.1", "there is no room for mail at the moment"};
  return {What::deferred, "4.3.0", "the mailbox cannot be written at the moment"};
}

RecipientResult to_result(const LocalBatch::Copy& copy) {
  const auto words = words_for(copy);
  return {copy.recipient, words.what, std::string(words.code), std::string(words.text), {}};
}

/// What the attempt says about the mailbox as a destination.
rules::Health health_of(const LocalBatch& batch, const std::vector<LocalBatch::Copy>& copies) {
  if (batch.refusal()) return rules::Health::unreachable;
  const bool any_worked = std::ranges::any_of(copies, [](const auto& copy) { return copy.result.has_value(); });
  return any_worked ? rules::Health::worked : rules::Health::answered;
}

AttemptResult refuse_all(const Attempt& attempt, const Error& error) {
  AttemptResult result{.recipients = {}, .health = rules::Health::not_tried};
  LocalBatch::Copy copy{.result = failure(error), .is_unreadable = error.kind == Error::Kind::corrupt};
  for (const auto place : attempt.recipients) {
    copy.recipient = place;
    result.recipients.push_back(to_result(copy));
  }
  return result;
}

/// The user was there when the message was accepted, and is not any more.
AttemptResult refuse_unknown_user(const Attempt& attempt) {
  AttemptResult result{.recipients = {}, .health = rules::Health::not_tried};
  for (const auto place : attempt.recipients) {
    result.recipients.push_back({place, RecipientResult::What::failed, "5.1.1", "there is no such user here", {}});
  }
  return result;
}

}  // namespace

/// Counts tasks down.
struct Gathering {
  world::Event all_done;
  std::size_t left = 0;

  void one_done() {
    if (--left == 0) all_done.set();
  }
};

LocalDelivery::LocalDelivery(World world, store::MailboxFormat& mailboxes, LocalDeliverySettings settings)
    : world_(world), mailboxes_(mailboxes), settings_(std::move(settings)) {}

LocalDelivery::~LocalDelivery() = default;

world::Task<AttemptResult> LocalDelivery::deliver(Attempt attempt) {
  Letter letter{world_.loop, std::move(attempt)};
  const auto user = mail::UserName::parse(letter.attempt.destination);
  if (user) {
    co_await carry(*user, letter);
  } else {
    letter.result = refuse_unknown_user(letter.attempt);
  }
  count(letter.result);
  co_return std::move(letter.result);
}

world::Task<> LocalDelivery::carry(const mail::UserName& user, Letter& letter) {
  const auto target = find_target(user);
  const auto ready = target ? co_await hold_text(letter) : Result<>{failure(target.error())};
  if (ready) {
    join(*target, letter);
    co_await letter.done.wait(never);
    co_return;
  }
  world_.log.error("delivery.failed", {{"message", letter.attempt.message.id}, {"error", ready.error().text}});
  letter.result = refuse_all(letter.attempt, ready.error());
}

Result<store::MailboxTarget> LocalDelivery::find_target(const mail::UserName& user) const {
  store::MailboxTarget target{user};
  if (!settings_.owner_of) return target;
  auto owner = settings_.owner_of(user);
  if (!owner) return failure(std::move(owner).error());
  target.owner = *owner;
  return target;
}

/// Reads a short text into memory, so that the batch it joins need not wait for it.
world::Task<Result<>> LocalDelivery::hold_text(Letter& letter) {
  auto& text = letter.attempt.text;
  letter.is_held = text.octets() <= settings_.held_octets;
  if (!letter.is_held) co_return Result<>{};
  letter.text.reserve(text.octets());
  while (true) {
    const auto piece = co_await text.next(world_.loop);
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) co_return Result<>{};
    letter.text += *piece;
  }
}

void LocalDelivery::join(const store::MailboxTarget& target, Letter& letter) {
  auto& line = lines_.try_emplace(target.user.text(), Line{target}).first->second;
  line.letters.push_back(&letter);
  if (line.in_turn) return;
  line.in_turn = true;
  waiting_.push_back(&line);
  start_next();
}

void LocalDelivery::start_next() {
  while (busy_ < settings_.mailboxes && !waiting_.empty()) {
    auto& line = *waiting_.front();
    waiting_.pop_front();
    ++busy_;
    tasks_.start(serve(line));
  }
}

/// One batch; then it is another mailbox's turn.
world::Task<> LocalDelivery::serve(Line& line) {
  LocalBatch batch{mailboxes_, line.target, take_batch(line)};
  co_await work(batch);
  report(batch);
  leave(line);
}

void LocalDelivery::leave(Line& line) {
  --busy_;
  if (line.letters.empty()) {
    lines_.erase(line.target.user.text());
  } else {
    waiting_.push_back(&line);
  }
  start_next();
}

std::vector<Letter*> LocalDelivery::take_batch(Line& line) const {
  std::vector<Letter*> letters;
  for (std::size_t mails = 0; !line.letters.empty() && mails < settings_.batch; line.letters.pop_front()) {
    letters.push_back(line.letters.front());
    mails += letters.back()->attempt.recipients.size();
  }
  return letters;
}

world::Task<> LocalDelivery::work(LocalBatch& batch) {
  const bool is_lone = batch.letters() == 1 && batch.letter(0).is_held;
  co_await on_worker([&batch, is_lone] {
    batch.open();
    if (!is_lone || !batch.is_open()) return;
    batch.write_held(0, 1);  // all in one job: nothing is gained by spreading it
    batch.publish();
  });
  if (!batch.is_open()) co_return;
  co_await write_all(batch);
  co_await on_worker([&batch] { batch.publish(); });
}

world::Task<> LocalDelivery::write_all(LocalBatch& batch) {
  std::size_t held = 0;
  for (std::size_t i = 0; i < batch.letters(); ++i) held += batch.letter(i).is_held ? 1U : 0U;
  const auto jobs = std::min(held, settings_.parallel_syncs);
  Gathering gathering{world::Event{world_.loop}, jobs + batch.letters() - held};
  for (std::size_t job = 0; job < jobs; ++job) tasks_.start(write_held(batch, job, jobs, gathering));
  for (std::size_t i = 0; i < batch.letters(); ++i) {
    if (!batch.letter(i).is_held) tasks_.start(write_streamed(batch, i, gathering));
  }
  co_await gathering.all_done.wait(never);
}

world::Task<> LocalDelivery::write_held(LocalBatch& batch, std::size_t first, std::size_t step, Gathering& gathering) {
  co_await on_worker([&batch, first, step] { batch.write_held(first, step); });
  gathering.one_done();
}

/// A long text never stands in memory whole: a piece is read, then written.
world::Task<> LocalDelivery::write_streamed(LocalBatch& batch, std::size_t index, Gathering& gathering) {
  bool goes_on = false;
  co_await on_worker([&] { goes_on = batch.stage(index); });
  while (goes_on) {
    const auto piece = co_await batch.letter(index).attempt.text.next(world_.loop);
    goes_on = piece && !piece->empty();
    co_await on_worker([&] {
      if (!piece) return batch.give_up(index, piece.error());
      if (piece->empty()) return batch.finish(index);
      goes_on = batch.append(index, *piece);
    });
  }
  gathering.one_done();
}

world::Task<> LocalDelivery::on_worker(world::Callback job) {
  co_await world::on_workers(world_.workers, world_.loop, [&job] {
    job();
    return true;
  });
}

void LocalDelivery::report(LocalBatch& batch) {
  ++facts_.batches;
  if (batch.refusal()) {
    world_.log.warning("mailbox.unusable", {{"user", batch.letter(0).attempt.destination},
                                            {"messages", batch.letters()},
                                            {"error", batch.refusal()->text}});
  }
  for (std::size_t i = 0; i < batch.letters(); ++i) {
    auto& letter = batch.letter(i);
    for (const auto& copy : batch.copies(i)) {
      letter.result.recipients.push_back(to_result(copy));
      if (copy.result || batch.refusal()) continue;
      world_.log.warning("mailbox.failed", {{"message", letter.attempt.message.id},
                                            {"user", letter.attempt.destination},
                                            {"error", copy.result.error().text}});
    }
    letter.result.health = health_of(batch, batch.copies(i));
    letter.done.set();
  }
}

void LocalDelivery::count(const AttemptResult& result) {
  for (const auto& recipient : result.recipients) {
    switch (recipient.what) {
      case RecipientResult::What::delivered: ++facts_.delivered; break;
      case RecipientResult::What::unknown:
      case RecipientResult::What::deferred: ++facts_.deferred; break;
      case RecipientResult::What::failed: ++facts_.failed; break;
    }
  }
}

LocalDeliveryFacts LocalDelivery::facts() const {
  auto facts = facts_;
  facts.mailboxes_busy = busy_;
  facts.mailboxes_waiting = waiting_.size();
  return facts;
}

}  // namespace posthorn::service
