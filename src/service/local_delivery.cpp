#include "service/local_delivery.hpp"

#include "service/local_delivery_batch.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace posthorn::service {
namespace {

/// What the sender is told; the reason with its paths goes to the log.
struct Words {
  RecipientResult::What what;
  std::string_view code;
  std::string_view text;
};

Words words_for(const LocalBatch::Copy& copy, std::string_view success) {
  using What = RecipientResult::What;
  if (copy.result) return {What::delivered, "2.0.0", success};
  if (copy.is_unreadable) return {What::failed, "5.3.0", "the message was damaged in storage"};
  const auto kind = copy.result.error().kind;
  if (kind == Error::Kind::over_quota) return {What::deferred, "4.2.2", "the mailbox is full"};
  if (kind == Error::Kind::no_space) return {What::deferred, "4.3.1", "there is no room for mail at the moment"};
  return {What::deferred, "4.3.0", "the mailbox cannot be written at the moment"};
}

void add_results(AttemptResult& result, std::span<const std::uint32_t> recipients, const Words& words) {
  for (const auto place : recipients) {
    result.recipients.push_back({place, words.what, std::string(words.code), std::string(words.text), {}});
  }
}

/// What the attempt says about the mailbox as a destination.
rules::Health health_of(const LocalBatch& batch, const std::vector<LocalBatch::Copy>& copies) {
  if (batch.refusal()) return rules::Health::unreachable;
  const bool any_worked = std::ranges::any_of(copies, [](const auto& copy) { return copy.result.has_value(); });
  return any_worked ? rules::Health::worked : rules::Health::answered;
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

LocalDelivery::LocalDelivery(World world, std::unique_ptr<LocalPlaces> places, LocalDeliverySettings settings)
    : world_(world), places_(std::move(places)), settings_(settings) {}

LocalDelivery::~LocalDelivery() = default;

world::Task<AttemptResult> LocalDelivery::deliver(Attempt attempt) {
  Letter letter{world_.loop, std::move(attempt)};
  if (places_->knows(letter.attempt.destination)) {
    co_await carry(letter);
  } else {
    // The user was there when the message was accepted, and is not any more.
    letter.result.health = rules::Health::not_tried;
    add_results(letter.result, letter.attempt.recipients,
                {RecipientResult::What::failed, "5.1.1", "there is no such user here"});
  }
  count(letter.result);
  co_return std::move(letter.result);
}

world::Task<> LocalDelivery::carry(Letter& letter) {
  const auto ready = co_await hold_text(letter);
  if (ready) {
    join(letter);
    co_await letter.done.wait(never);
    co_return;
  }
  world_.log.error("delivery.failed", {{"message", letter.attempt.message.id}, {"error", ready.error().text}});
  letter.result.health = rules::Health::not_tried;
  const LocalBatch::Copy unread{
      .recipients = {}, .result = failure(ready.error()), .is_unreadable = ready.error().kind == Error::Kind::corrupt};
  add_results(letter.result, letter.attempt.recipients, words_for(unread, {}));
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

void LocalDelivery::join(Letter& letter) {
  const auto& destination = letter.attempt.destination;
  auto& line = lines_.try_emplace(destination, Line{destination}).first->second;
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
  LocalBatch batch{*places_, line.destination, take_batch(line)};
  co_await work(batch);
  report(batch);
  leave(line);
}

void LocalDelivery::leave(Line& line) {
  --busy_;
  if (line.letters.empty()) {
    lines_.erase(lines_.find(line.destination));
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
    world_.log.warning("mailbox.unusable", {{"mailbox", batch.letter(0).attempt.destination},
                                            {"messages", batch.letters()},
                                            {"error", batch.refusal()->text}});
  }
  for (std::size_t i = 0; i < batch.letters(); ++i) {
    auto& letter = batch.letter(i);
    for (const auto& copy : batch.copies(i)) {
      add_results(letter.result, copy.recipients, words_for(copy, places_->success()));
      if (copy.result || batch.refusal()) continue;
      world_.log.warning("mailbox.failed", {{"message", letter.attempt.message.id},
                                            {"mailbox", letter.attempt.destination},
                                            {"error", copy.result.error().text}});
    }
    letter.result.health = health_of(batch, batch.copies(i));
    letter.done.set();
  }
}

void LocalDelivery::count(const AttemptResult& result) {
  for (const auto& recipient : result.recipients) {
    switch (recipient.what) {
      case RecipientResult::What::delivered:
        ++facts_.delivered;
        break;
      case RecipientResult::What::unknown:
      case RecipientResult::What::expired:
      case RecipientResult::What::deferred:
        ++facts_.deferred;
        break;
      case RecipientResult::What::failed:
        ++facts_.failed;
        break;
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
