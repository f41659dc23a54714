#include "store/spool_record.hpp"

#include <algorithm>

namespace posthorn::store {
namespace {

constexpr std::size_t text_limit = 1U << 30;  // what a record can hold bounds it further
constexpr std::size_t smallest_state = 2;
constexpr std::size_t smallest_recipient = 6;

// ---- states ----

constexpr std::uint8_t flag_report_due = 1;
constexpr std::uint8_t flag_warned = 2;
constexpr std::uint8_t flag_has_more = 4;  // something besides status and flags differs from a fresh state

bool has_more(const RecipientState& state) {
  const RecipientState fresh{.status = state.status, .report_due = state.report_due, .warned = state.warned};
  return state != fresh;
}

void put_state(ByteWriter& out, const RecipientState& state) {
  const bool more = has_more(state);
  out.put(static_cast<std::uint8_t>(state.status));
  out.put(static_cast<std::uint8_t>((state.report_due ? flag_report_due : 0) | (state.warned ? flag_warned : 0) |
                                    (more ? flag_has_more : 0)));
  if (!more) return;
  out.put(state.attempts);
  out.put(state.ambiguous);
  out.put(std::int64_t{state.next_attempt.time_since_epoch().count()});
  out.put(std::int64_t{state.changed.time_since_epoch().count()});
  out.put(std::int64_t{state.age.count()});
  out.put(state.report.value());
  out.put_text(state.status_code);
  out.put_text(state.reply);
  out.put_text(state.remote_host);
}

WallTime take_time(ByteReader& in) { return WallTime{std::chrono::microseconds{in.take_signed()}}; }

RecipientState take_state(ByteReader& in) {
  RecipientState state;
  state.status = in.take_enum(RecipientStatus::removed);
  const auto flags = in.take<std::uint8_t>();
  if (flags > (flag_report_due | flag_warned | flag_has_more)) in.fail();
  state.report_due = (flags & flag_report_due) != 0;
  state.warned = (flags & flag_warned) != 0;
  if ((flags & flag_has_more) == 0) return state;
  state.attempts = in.take<std::uint16_t>();
  state.ambiguous = in.take<std::uint16_t>();
  state.next_attempt = take_time(in);
  state.changed = take_time(in);
  state.age = std::chrono::seconds{in.take_signed()};
  state.report = MessageId{in.take<std::uint64_t>()};
  state.status_code = in.take_text(text_limit);
  state.reply = in.take_text(text_limit);
  state.remote_host = in.take_text(text_limit);
  return state;
}

// ---- body file ----

void put_body(ByteWriter& out, const std::optional<BodyFacts>& body) {
  out.put_flag(body.has_value());
  if (!body) return;
  out.put(body->octets);
  out.put(body->block_octets);
  out.put(static_cast<std::uint32_t>(body->checksums.size()));
  for (const auto checksum : body->checksums) out.put(checksum);
}

std::optional<BodyFacts> take_body(ByteReader& in) {
  if (!in.take_flag()) return std::nullopt;
  BodyFacts body;
  body.octets = in.take<std::uint64_t>();
  body.block_octets = in.take<std::uint32_t>();
  const auto count = in.take_count(sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < count; ++i) body.checksums.push_back(in.take<std::uint32_t>());
  const auto blocks =
      body.block_octets == 0 ? 0 : body.octets / body.block_octets + (body.octets % body.block_octets != 0);
  if (body.block_octets == 0 || blocks != count) in.fail();
  return body;
}

// ---- envelope ----

void put_optional(ByteWriter& out, const std::optional<std::string>& text) {
  out.put_flag(text.has_value());
  if (text) out.put_text(*text);
}

void put_optional(ByteWriter& out, const std::optional<mail::Address>& address) {
  out.put_flag(address.has_value());
  if (address) out.put_text(address->to_string());
}

std::optional<mail::Address> take_address(ByteReader& in) {
  auto address = mail::Address::parse(in.take_text(text_limit));
  if (!address) {
    in.fail();
    return std::nullopt;
  }
  return *std::move(address);
}

std::uint8_t bits_of(const mail::Notify& notify) {
  return static_cast<std::uint8_t>((notify.never ? 1 : 0) | (notify.success ? 2 : 0) | (notify.failure ? 4 : 0) |
                                   (notify.delay ? 8 : 0));
}

mail::Notify take_notify(ByteReader& in) {
  const auto bits = in.take<std::uint8_t>();
  if (bits > 15) in.fail();
  return {.never = (bits & 1) != 0, .success = (bits & 2) != 0, .failure = (bits & 4) != 0, .delay = (bits & 8) != 0};
}

void put_recipient(ByteWriter& out, const mail::Recipient& recipient) {
  out.put_text(recipient.address.to_string());
  out.put(bits_of(recipient.notify));
  out.put_flag(recipient.original.has_value());
  if (!recipient.original) return;
  out.put_text(recipient.original->type);
  out.put_text(recipient.original->address);
}

void take_recipient(ByteReader& in, std::vector<mail::Recipient>& recipients) {
  auto address = take_address(in);
  const auto notify = take_notify(in);
  std::optional<mail::OriginalRecipient> original;
  if (in.take_flag()) {
    original.emplace();
    original->type = in.take_text(text_limit);
    original->address = in.take_text(text_limit);
  }
  if (address) recipients.push_back({*std::move(address), notify, std::move(original)});
}

void put_envelope(ByteWriter& out, const mail::Envelope& envelope) {
  put_optional(out, envelope.sender);
  out.put(static_cast<std::uint32_t>(envelope.recipients.size()));
  for (const auto& recipient : envelope.recipients) put_recipient(out, recipient);
  out.put(static_cast<std::uint8_t>(envelope.body));
  out.put_flag(envelope.smtputf8);
  out.put_flag(envelope.require_tls);
  out.put(static_cast<std::uint8_t>(envelope.return_content));
  out.put_text(envelope.envelope_id);
  out.put_flag(envelope.declared_size.has_value());
  if (envelope.declared_size) out.put(*envelope.declared_size);
  put_optional(out, envelope.submitter);
}

mail::Envelope take_envelope(ByteReader& in) {
  mail::Envelope envelope;
  if (in.take_flag()) envelope.sender = take_address(in);
  const auto count = in.take_count(smallest_recipient);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) take_recipient(in, envelope.recipients);
  envelope.body = in.take_enum(mail::BodyType::binary);
  envelope.smtputf8 = in.take_flag();
  envelope.require_tls = in.take_flag();
  envelope.return_content = in.take_enum(mail::ReturnContent::headers);
  envelope.envelope_id = in.take_text(text_limit);
  if (in.take_flag()) envelope.declared_size = in.take<std::uint64_t>();
  if (in.take_flag()) envelope.submitter = std::string(in.take_text(text_limit));
  return envelope;
}

// ---- the rest of a message ----

void put_name(ByteWriter& out, const DeliveryName& name) {
  out.put(name.seconds);
  out.put(name.microseconds);
  out.put(name.process);
  out.put(name.counter);
  out.put_text(name.host);
}

DeliveryName take_name(ByteReader& in) {
  DeliveryName name;
  name.seconds = in.take_signed();
  name.microseconds = in.take<std::uint32_t>();
  name.process = in.take<std::uint32_t>();
  name.counter = in.take<std::uint64_t>();
  name.host = in.take_text(text_limit);
  return name;
}

void put_origin(ByteWriter& out, const Origin& origin) {
  out.put(static_cast<std::uint8_t>(origin.door));
  out.put_text(origin.user);
  out.put_text(origin.peer);
  out.put_text(origin.session);
}

Origin take_origin(ByteReader& in) {
  Origin origin;
  origin.door = in.take_enum(Origin::Door::report);
  origin.user = in.take_text(text_limit);
  origin.peer = in.take_text(text_limit);
  origin.session = in.take_text(text_limit);
  return origin;
}

/// What the index wants first, so that recovery need not look further: how far the rest goes stands before it.
MessageFacts take_start(ByteReader& in) {
  MessageFacts facts;
  facts.arrival = take_time(in);
  facts.octets = in.take<std::uint64_t>();
  facts.body_file = take_body(in);
  const auto count = in.take_count(smallest_state);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) facts.states.push_back(take_state(in));
  if (facts.states.empty()) in.fail();
  return facts;
}

OutcomeFacts take_outcomes(ByteReader& in) {
  OutcomeFacts facts;
  facts.finishes = in.take_flag();
  const auto covers = in.take_count(sizeof(std::uint64_t));
  for (std::uint32_t i = 0; i < covers; ++i) facts.covers.push_back(in.take<std::uint64_t>());
  const auto count = in.take_count(sizeof(std::uint32_t) + smallest_state);
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    const auto recipient = in.take<std::uint32_t>();
    facts.outcomes.push_back({recipient, take_state(in)});
  }
  return facts;
}

std::optional<SettlementFacts> take_settlement(ByteReader& in) {
  if (!in.take_flag()) return std::nullopt;
  const MessageId message{in.take<std::uint64_t>()};
  return SettlementFacts{message, take_outcomes(in)};
}

}  // namespace

LiveRecipient brief_of(const RecipientState& state) {
  return {state.status, state.report_due, state.warned, state.attempts, state.next_attempt};
}

void put_message(ByteWriter& out, const MessageFacts& facts) {
  out.put(std::int64_t{facts.arrival.time_since_epoch().count()});
  out.put(facts.octets);
  put_body(out, facts.body_file);
  out.put(static_cast<std::uint32_t>(facts.states.size()));
  for (const auto& state : facts.states) put_state(out, state);
  const auto size_at = out.size();
  out.put(std::uint32_t{0});
  put_name(out, facts.delivery_name);
  put_origin(out, facts.origin);
  put_envelope(out, facts.envelope);
  out.overwrite(size_at, static_cast<std::uint32_t>(out.size() - size_at - sizeof(std::uint32_t)));
}

void put_outcomes(ByteWriter& out, const OutcomeFacts& facts) {
  out.put_flag(facts.finishes);
  out.put(static_cast<std::uint32_t>(facts.covers.size()));
  for (const auto generation : facts.covers) out.put(generation);
  out.put(static_cast<std::uint32_t>(facts.outcomes.size()));
  for (const auto& outcome : facts.outcomes) {
    out.put(outcome.recipient);
    put_state(out, outcome.state);
  }
}

void put_settlement(ByteWriter& out, const SettlementFacts* facts) {
  out.put_flag(facts != nullptr);
  if (facts == nullptr) return;
  out.put(facts->message.value());
  put_outcomes(out, facts->outcomes);
}

Result<MessageRecord> read_message(std::string_view octets) {
  ByteReader in{octets};
  MessageRecord record;
  record.message = take_start(in);
  ByteReader rest{in.take_text(octets.size())};
  record.message.delivery_name = take_name(rest);
  record.message.origin = take_origin(rest);
  record.message.envelope = take_envelope(rest);
  record.settles = take_settlement(in);
  if (!in.complete() || !rest.complete() || record.message.envelope.recipients.size() != record.message.states.size()) {
    return failure(Error::Kind::corrupt, "the envelope of the stored message makes no sense");
  }
  return record;
}

Result<MessageRecordBrief> read_message_brief(std::string_view octets) {
  ByteReader in{octets};
  const auto start = take_start(in);
  (void)in.take_text(octets.size());
  MessageRecordBrief record{{start.arrival, start.octets, start.body_file.has_value(), {}}, take_settlement(in)};
  if (!in.complete()) return failure(Error::Kind::corrupt, "the record of the stored message makes no sense");
  for (const auto& state : start.states) record.message.recipients.push_back(brief_of(state));
  return record;
}

Result<OutcomeFacts> read_outcomes(std::string_view octets) {
  ByteReader in{octets};
  auto facts = take_outcomes(in);
  if (!in.complete()) return failure(Error::Kind::corrupt, "the recorded outcomes make no sense");
  return facts;
}

}  // namespace posthorn::store
