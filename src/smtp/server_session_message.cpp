// DATA and BDAT: how the message comes, and every way in which it does not.
#include "base/assert.hpp"
#include "base/planted_fault.hpp"
#include "smtp/server_session.hpp"
#include "smtp/standard_replies.hpp"

#include <utility>

namespace posthorn::smtp {

// ---- DATA ----

/// RFC 5321 §4.1.1.4
void ServerSession::on_data() {
  if (auto refusal = data_refusal()) {
    // RFC 3030 §2: DATA between chunks leaves nothing that anybody could rely on.
    if (state_ == State::data_receiving) back_to_idle();
    return refuse_command(*std::move(refusal));
  }
  ask(Question::begin);
}

std::optional<Reply> ServerSession::data_refusal() const {
  switch (state_) {
    case State::start:
      return replies::hello_first();
    case State::init:
      return replies::mail_first();
    case State::mail_started:
      return replies::recipient_first();
    case State::data_receiving:
      return replies::chunks_only();
    case State::rcpt_received:
    case State::closed:
      break;
  }
  // RFC 3030 §3
  if (transaction_->envelope.body == mail::BodyType::binary) return replies::chunks_only();
  return std::nullopt;
}

bool ServerSession::read_text() {
  if (input_.is_empty()) return false;
  const auto piece = transaction_->decoder.read(input_.raw());
  input_.use(piece.used);
  switch (piece.status) {
    case TextPiece::Status::more:
      take_text(piece.text);
      break;
    case TextPiece::Status::ended:
      end_message();
      break;
    // RFC 5321 §2.3.8, §4.1.1.4: what follows could be text or commands, as the reader likes; so none of it is read.
    case TextPiece::Status::fault:
      end(replies::message_line_ends());
      break;
  }
  return true;
}

/// The next text of a DATA, which is thrown away once the message will be refused; that too has a bound.
void ServerSession::take_text(std::string_view text) {
  auto& octets = transaction_->octets;
  octets += text.size();
  const bool is_too_large = octets > settings_->message_octets && !planted(PlantedFault::intake_size_limit_ignored);
  if (!refusal_ && is_too_large) {
    refusal_ = replies::message_too_large();
    to_be_dropped_message_ = std::exchange(transaction_->has_message, false);
  }
  if (!refusal_) {
    message_bytes_ = text;
  } else if (octets > settings_->message_octets + settings_->discard_octets()) {
    end(*std::exchange(refusal_, std::nullopt));
  }
}

// ---- BDAT ----

/// RFC 3030 §2. The octets of a chunk follow whatever we think of it, so they are read by their count before the answer.
void ServerSession::on_bdat(const BdatCommand& command) {
  chunk_.start(command.octets, command.last);
  if (command.octets == 0 && !command.last && !count_junk()) return;
  if (auto refusal = bdat_refusal()) {
    if (state_ == State::data_receiving) back_to_idle();
    return refuse_chunk(*std::move(refusal));
  }
  const bool is_too_large = command.octets > settings_->message_octets - transaction_->octets;
  if (is_too_large && !planted(PlantedFault::intake_size_limit_ignored)) {
    back_to_idle();
    return refuse_chunk(replies::message_too_large());
  }
  if (state_ == State::data_receiving) {
    reading_ = Reading::chunk;
  } else {
    transaction_->by_chunks = true;
    ask(Question::begin);
  }
}

std::optional<Reply> ServerSession::bdat_refusal() const {
  if (!settings_->chunking) return replies::not_implemented();
  switch (state_) {
    case State::start:
      return replies::hello_first();
    case State::init:
      return replies::mail_first();
    case State::mail_started:
      return replies::recipient_first();
    case State::data_receiving:
      return refusal_;  // the driver failed the message between two chunks
    case State::rcpt_received:
    case State::closed:
      break;
  }
  return std::nullopt;
}

/// RFC 3030 §2: accepts and discards the chunk, then refuses it.
void ServerSession::refuse_chunk(Reply refusal) {
  if (chunk_.remaining() > settings_->discard_octets()) return end(std::move(refusal));
  refusal_ = std::move(refusal);
  reading_ = Reading::refused_chunk;
}

bool ServerSession::read_refused_chunk() {
  if (chunk_.is_done()) {
    reading_ = Reading::commands;
    refuse_command(*std::exchange(refusal_, std::nullopt));
    return true;
  }
  if (input_.is_empty()) return false;
  const auto octets = chunk_.part_of(input_.raw()).size();
  chunk_.use(octets);
  input_.use(octets);
  return true;
}

bool ServerSession::read_chunk() {
  if (chunk_.is_done()) {
    end_chunk();
    return true;
  }
  if (input_.is_empty()) return false;
  // RFC 3030 §2, §3: text comes in canonical form; only BINARYMIME may hold octets of any kind.
  const auto part = chunk_.part_of(input_.raw());
  const bool is_binary = transaction_->envelope.body == mail::BodyType::binary;
  const auto clean = is_binary ? part.size() : transaction_->line_ends.read(part).clean;
  if (clean == 0) {
    end(replies::message_line_ends());
    return true;
  }
  chunk_.use(clean);
  input_.use(clean);
  transaction_->octets += clean;
  message_bytes_ = part.substr(0, clean);
  return true;
}

void ServerSession::end_chunk() {
  reading_ = Reading::commands;
  if (!chunk_.is_last()) return reply(replies::chunk_taken());
  const bool is_binary = transaction_->envelope.body == mail::BodyType::binary;
  if (!is_binary && !transaction_->line_ends.may_end()) return end(replies::message_line_ends());
  end_message();
}

// ---- Both ----

void ServerSession::on_begin_accepted(Reply reply_to_client) {
  state_ = State::data_receiving;
  transaction_->has_message = true;
  if (transaction_->by_chunks) {
    reading_ = Reading::chunk;
  } else {
    reading_ = Reading::text;
    reply(std::move(reply_to_client));
  }
}

void ServerSession::on_begin_refused(Reply refusal) {
  const bool by_chunks = transaction_->by_chunks;
  back_to_idle();
  if (by_chunks) return refuse_chunk(std::move(refusal));
  refuse_command(std::move(refusal));
}

void ServerSession::fail_message(Reply refusal) {
  ensure(transaction_ && transaction_->has_message && question_ == Question::none, "there is a message to fail");
  ensure(refusal.is_refusal(), "a refusal is 4yz or 5yz");
  transaction_->has_message = false;
  message_bytes_ = {};
  if (reading_ == Reading::chunk) {
    back_to_idle();
    refuse_chunk(std::move(refusal));
  } else {
    refusal_ = std::move(refusal);  // told at the end of the text, or to the next chunk
  }
}

void ServerSession::end_message() {
  if (!refusal_) {
    reading_ = Reading::commands;
    return ask(Question::end);
  }
  auto refusal = *std::exchange(refusal_, std::nullopt);
  back_to_idle();
  refuse_command(std::move(refusal));
}

void ServerSession::on_end_accepted(Reply reply_to_client) {
  transaction_->has_message = false;  // it is the driver's now
  back_to_idle();
  ++facts_.messages;
  facts_.junk_commands = 0;
  reply(std::move(reply_to_client));
}

void ServerSession::on_end_refused(Reply refusal) {
  transaction_->has_message = false;
  back_to_idle();
  refuse_command(std::move(refusal));
}

}  // namespace posthorn::smtp
