#include "service/intake.hpp"

#include "base/planted_fault.hpp"
#include "rules/submission_rules.hpp"

#include <utility>

namespace posthorn::service {
namespace {

smtp::Reply reply_for(mail::MessageFault fault) {
  using enum mail::MessageFault;
  switch (fault) {
    // SECURITY.md, smuggling; RFC 5321 §2.3.8.
    case bare_cr:
    case bare_lf:
    case nul:
      return {550, {5, 6, 0}, "the message holds a bare CR, a bare LF or a NUL"};
    case too_large:
      return {552, {5, 3, 4}, "the message is too large"};
    case line_too_long:
      return {550, {5, 6, 0}, "a line of the message is too long"};
    case header_too_large:
      return {552, {5, 3, 4}, "the header of the message is too large"};
    case too_many_fields:
      return {552, {5, 3, 4}, "the header of the message has too many fields"};
    // RFC 5321 §6.3.
    case too_many_hops:
      return {554, {5, 4, 6}, "too many Received fields: this message goes in circles"};
  }
  bug("a message fault without a reply");
}

bool is_overlooked(mail::MessageFault fault) {
  using enum mail::MessageFault;
  return (fault == bare_lf && planted(PlantedFault::intake_bare_line_feed_accepted)) ||
         (fault == too_many_hops && planted(PlantedFault::intake_hop_limit_ignored)) ||
         (fault == too_large && planted(PlantedFault::intake_size_limit_ignored));
}

}  // namespace

smtp::Reply reply_for(const Error& error) {
  if (error.kind == Error::Kind::no_space) return {452, {4, 3, 1}, "no room for the message now, try again later"};
  return {451, {4, 3, 0}, "the message could not be stored, try again later"};
}

Intake::Intake(IntakeWorld& world, const ReceptionPolicy& policy)
    : world_(world),
      inline_octets_(policy.inline_octets),
      commit_timeout_(policy.commit_timeout),
      hostname_(policy.hostname),
      id_(world.spool.new_id()),
      scanner_(policy.message) {}

bool Intake::take(std::string_view octets) {
  if (body_ || text_.size() + octets.size() > inline_octets_) return false;
  text_ += passed(octets);
  return true;
}

world::Task<Result<>> Intake::append(std::string_view octets) {
  if (!body_) {
    if (auto moved = co_await flow_into_file(); !moved) co_return moved;
  }
  co_return co_await body_->append(world_.loop, passed(octets));
}

world::Task<Result<>> Intake::flow_into_file() {
  body_.emplace(world_.spool.new_body(id_));
  auto gathered = std::exchange(text_, {});
  if (planted(PlantedFault::body_piece_lost) && !gathered.empty()) gathered.pop_back();
  co_return co_await body_->append(world_.loop, gathered);
}

std::optional<smtp::Reply> Intake::end_of_text() {
  scanner_.finish();
  if (submission_) tail_ = submission_->finish();
  auto fault = scanner_.facts().fault;
  if (fault && is_overlooked(*fault)) fault.reset();
  if (!fault) return std::nullopt;
  world_.traffic.message_refused();
  return reply_for(*fault);
}

world::Task<smtp::Reply> Intake::commit(IntakeEnvelope last) {
  // RFC 6152 §3: what is 8-bit travels as such from here on, whether the client declared it or not.
  auto& body = last.envelope.body;
  if (body == mail::BodyType::seven_bit && scanner_.facts().body_has_8bit) body = mail::BodyType::eight_bit;
  if (planted(PlantedFault::intake_last_recipient_dropped) && last.envelope.recipients.size() > 1) {
    last.envelope.recipients.pop_back();
  }
  auto groups = groups_of(last.envelope, world_.routes);
  const auto began = world_.loop.now();
  auto stored = co_await store(std::move(last));
  if (!stored && !planted(PlantedFault::intake_failed_commit_accepted)) {
    world_.traffic.message_refused();
    world_.log.error("message.not_stored", {{"message", id_}, {"error", stored.error().text}});
    co_return reply_for(stored.error());
  }
  world_.traffic.message_stored(world_.loop.now() - began);
  world_.accepted(id_, std::move(groups));
  co_return smtp::Reply{250, {2, 0, 0}, ReplyText{"accepted as " + id_.to_string()}};
}

world::Task<Result<>> Intake::store(IntakeEnvelope last) {
  store::NewMessage message{.id = id_, .envelope = std::move(last.envelope), .states = std::move(last.states)};
  message.arrival = world_.loop.clock().wall();
  message.delivery_name = world_.names.make(message.arrival, message.envelope.recipients.size());
  message.origin = std::move(last.origin);
  message.head = std::move(last.head);
  message.settles = std::move(last.settles);
  if (submission_) {
    message.head += rules::missing_fields(scanner_.facts(), message.arrival, id_, hostname_);
  }
  if (body_) {
    if (auto added = co_await body_->append(world_.loop, tail_); !added) co_return added;
    auto finished = co_await body_->finish(world_.loop);
    if (!finished) co_return failure(finished.error());
    message.body = std::move(*finished);
  } else {
    message.body = std::move(text_ += tail_);
  }
  co_return co_await world_.spool.commit(world_.loop, std::move(message), after(world_.loop.now(), commit_timeout_));
}

}  // namespace posthorn::service
