#include "service/redirecting_delivery.hpp"

#include "mail/message_scanner.hpp"
#include "mail/trace_field.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace posthorn::service {
namespace {

using What = RecipientResult::What;

constexpr std::uint64_t added_octets = 64U << 10;  // by fields on top: no reason to refuse what was taken

void add_results(std::vector<RecipientResult>& results, const std::vector<std::uint32_t>& recipients,
                 const RecipientResult& result) {
  for (const auto place : recipients) {
    results.push_back(result);
    results.back().recipient = place;
  }
}

AttemptResult all_wait(const Attempt& attempt, std::string why) {
  AttemptResult result{.recipients = {}, .health = rules::Health::not_tried};
  add_results(result.recipients, attempt.recipients,
              {.what = What::deferred, .status_code = "4.3.0", .reply = std::move(why)});
  return result;
}

RecipientResult sent_on(std::size_t addresses, MessageId id) {
  return {.what = What::delivered,
          .status_code = "2.0.0",
          .reply = fmt::format("sent on to {} as {}",
                               addresses == 1 ? "one address" : fmt::format("{} addresses", addresses), id.to_string()),
          .passed_on = true};
}

std::vector<std::uint32_t> delivered_among(const std::vector<RecipientResult>& results) {
  std::vector<std::uint32_t> places;
  for (const auto& result : results) {
    if (result.what == What::delivered) places.push_back(result.recipient);
  }
  return places;
}

}  // namespace

RedirectingDelivery::RedirectingDelivery(World world, ForwardSource source, Deliverer& mailboxes)
    : world_(world), source_(std::move(source)), mailboxes_(mailboxes) {}

world::Task<AttemptResult> RedirectingDelivery::deliver(Attempt attempt) {
  auto forward = co_await find_forward(attempt.destination);
  if (!forward) {
    world_.log.error("forward.unreadable", {{"user", attempt.destination}, {"error", forward.error().text}});
    co_return all_wait(attempt, "the recipient's redirect cannot be read now");
  }
  if (!*forward) co_return co_await mailboxes_.deliver(std::move(attempt));
  co_return co_await redirect(std::move(attempt), std::move(**forward));
}

world::Task<Result<std::optional<store::Forward>>> RedirectingDelivery::find_forward(std::string user) {
  auto forward = co_await world::on_workers(world_.workers, world_.loop, [&] { return source_(user); });
  if (!forward && does_not_count(forward.error())) {
    world_.log.warning("forward.ignored", {{"user", user}, {"error", forward.error().text}});
    co_return std::nullopt;
  }
  if (!forward || !*forward) co_return forward;
  for (const auto& fault : (*forward)->faults) world_.log.warning("forward.fault", {{"user", user}, {"error", fault}});
  if ((*forward)->targets.empty()) co_return std::nullopt;
  co_return forward;
}

world::Task<AttemptResult> RedirectingDelivery::redirect(Attempt attempt, store::Forward forward) {
  auto loops = co_await take_out_loops(attempt);
  if (!loops) co_return all_wait(attempt, "the message could not be read");
  AttemptResult result;
  result.recipients = std::move(*loops);
  auto recipients = attempt.recipients;
  auto message = attempt.message;
  if (forward.keeps_copy && !recipients.empty()) {
    attempt.may_be_repeat = true;  // the copy is there already if it could not be sent on the last time
    auto kept = co_await mailboxes_.deliver(std::move(attempt));
    recipients = delivered_among(kept.recipients);
    std::erase_if(kept.recipients, [](const RecipientResult& each) { return each.what == What::delivered; });
    std::ranges::move(kept.recipients, std::back_inserter(result.recipients));
    result.health = kept.health;
  }
  if (recipients.empty()) co_return result;
  auto sent = co_await send_on(std::move(message), std::move(recipients), forward);
  std::ranges::move(sent, std::back_inserter(result.recipients));
  co_return result;
}

/// RFC 9228 §4: whoever stands in a Delivered-To field has had it.
world::Task<Result<std::vector<RecipientResult>>> RedirectingDelivery::take_out_loops(Attempt& attempt) {
  mail::MessageScanner scanner({});
  while (!scanner.facts().header_ended) {
    const auto piece = co_await attempt.text.next(world_.loop);
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) break;
    scanner.feed(*piece);
  }
  attempt.text.rewind();
  std::vector<RecipientResult> loops;
  std::erase_if(attempt.recipients, [&](std::uint32_t place) {
    if (!scanner.was_delivered_to(attempt.message.envelope.recipients[place].address)) return false;
    loops.push_back({.recipient = place,
                     .what = What::failed,
                     .status_code = "5.4.6",
                     .reply = "the message goes in circles: it has been delivered to this recipient before"});
    return true;
  });
  co_return loops;
}

world::Task<std::vector<RecipientResult>> RedirectingDelivery::send_on(store::StoredMessage message,
                                                                       std::vector<std::uint32_t> recipients,
                                                                       const store::Forward& forward) {
  RecipientResult result{
      .what = What::deferred, .status_code = "4.3.0", .reply = "the message could not be sent on now"};
  auto policy = world_.policy.current()->reception;
  policy.message.octets += added_octets;
  Intake intake(world_.intake, policy);
  auto last = envelope_for(message, recipients, forward, intake.id());
  const auto refusal = co_await copy_text(message.id, intake);
  if (refusal && *refusal) {
    result = {.what = What::failed, .status_code = "5.4.6", .reply = std::string((*refusal)->text())};
    if (const auto& status = (*refusal)->status()) result.status_code = status->to_string();
  } else if (refusal && !last.envelope.recipients.empty()) {
    const auto count = last.envelope.recipients.size();
    const auto id = intake.id();
    const auto reply = co_await intake.commit(std::move(last));
    if (reply.is_success()) result = sent_on(count, id);
  }
  std::vector<RecipientResult> results;
  add_results(results, recipients, result);
  co_return results;
}

world::Task<Result<std::optional<smtp::Reply>>> RedirectingDelivery::copy_text(MessageId from, Intake& intake) {
  auto loaded = co_await world_.intake.spool.load(world_.loop, from);
  if (!loaded) co_return failure(std::move(loaded.error()));
  if (loaded->message.damaged) co_return failure(Error::Kind::corrupt, "the text is damaged");
  while (true) {
    const auto piece = co_await loaded->text.next(world_.loop);
    if (!piece) co_return failure(piece.error());
    if (piece->empty()) co_return intake.end_of_text();
    const std::string octets(*piece);
    if (intake.take(octets)) continue;
    if (auto taken = co_await intake.append(octets); !taken) co_return failure(std::move(taken.error()));
  }
}

std::vector<mail::Recipient> RedirectingDelivery::targets(const mail::Recipient& recipient,
                                                          const store::Forward& forward) const {
  const auto directory = world_.directory.current();
  const auto own = mail::Domain::parse(directory->primary_domain());
  std::vector<mail::Recipient> found;
  for (const auto& target : forward.targets) {
    auto next = recipient;  // RFC 3461 §5.2.7.1: the wishes for reports go with it
    if (const auto* address = std::get_if<mail::Address>(&target)) {
      next.address = *address;
    } else if (own) {
      auto local = mail::Address::make(std::get<rules::LocalTarget>(target).local_part, *own);
      if (!local) continue;
      next.address = std::move(*local);
    }
    found.push_back(std::move(next));
  }
  tell_success_of_one(found);
  return found;
}

IntakeEnvelope RedirectingDelivery::envelope_for(const store::StoredMessage& message,
                                                 const std::vector<std::uint32_t>& recipients,
                                                 const store::Forward& forward, MessageId id) const {
  const auto& first = message.envelope.recipients[recipients.front()];
  const auto wall = world_.loop.clock().wall();
  IntakeEnvelope last{.envelope = message.envelope, .origin = message.origin};
  last.envelope.recipients = targets(first, forward);
  last.envelope = world_.gatekeeper.expand(std::move(last.envelope)).envelope;
  last.head = mail::received_field(
      {.by = world_.policy.current()->reception.hostname, .id = id, .recipient = first.address, .time = wall});
  store::Settlement settled{.message = message.id, .outcomes = {}};
  for (const auto place : recipients) {
    last.head = mail::delivered_to_field(message.envelope.recipients[place].address) + last.head;
    auto state = message.states[place];
    state.status = store::RecipientStatus::delivered;
    state.changed = wall;
    state.status_code = "2.0.0";
    state.reply = "sent on as " + id.to_string();
    settled.outcomes.push_back({place, std::move(state)});
  }
  last.settles = std::move(settled);
  return last;
}

}  // namespace posthorn::service
