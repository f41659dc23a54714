#include "service/local_delivery_batch.hpp"

#include "mail/trace_field.hpp"
#include "store/mailbox_name.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {

LocalBatch::LocalBatch(store::MailboxFormat& format, store::MailboxTarget target, std::vector<Letter*> letters)
    : format_(format), target_(std::move(target)), letters_(std::move(letters)) {
  for (const auto* letter : letters_) {
    auto& copies = copies_.emplace_back();
    for (const auto place : letter->attempt.recipients) copies.push_back({.recipient = place});
  }
}

void LocalBatch::open() {
  auto mailbox = format_.open(target_);
  if (mailbox) {
    mailbox_ = std::move(*mailbox);
    return;
  }
  refusal_ = mailbox.error();
  for (auto& copies : copies_) {
    for (auto& copy : copies) copy.result = failure(*refusal_);
  }
}

void LocalBatch::write_held(std::size_t first, std::size_t step) {
  for (auto index = first; index < letters_.size(); index += step) {
    const auto& letter = *letters_[index];
    if (letter.is_held && stage(index) && append(index, letter.text)) finish(index);
  }
}

bool LocalBatch::stage(std::size_t index) {
  bool any = false;
  for (auto& copy : copies_[index]) {
    auto staged = mailbox_->stage(describe(*letters_[index], copy.recipient));
    if (staged) {
      copy.pending = std::move(*staged);
      any = true;
    } else {
      fail(copy, std::move(staged).error());
    }
  }
  return any;
}

bool LocalBatch::append(std::size_t index, std::string_view bytes) {
  bool any = false;
  for (auto& copy : copies_[index]) {
    if (copy.pending == nullptr) continue;
    if (auto put = copy.pending->append(bytes); !put) {
      fail(copy, std::move(put).error());
    } else {
      any = true;
    }
  }
  return any;
}

void LocalBatch::finish(std::size_t index) {
  for (auto& copy : copies_[index]) {
    if (copy.pending == nullptr) continue;
    if (auto done = copy.pending->finish(); !done) fail(copy, std::move(done).error());
  }
}

void LocalBatch::give_up(std::size_t index, const Error& error) {
  for (auto& copy : copies_[index]) {
    if (!copy.result) continue;
    copy.is_unreadable = error.kind == Error::Kind::corrupt;
    fail(copy, error);
  }
}

void LocalBatch::publish() {
  std::vector<store::PendingMail*> mails;
  std::vector<Copy*> published;
  for (auto& copies : copies_) {
    for (auto& copy : copies) {
      if (copy.pending == nullptr) continue;
      mails.push_back(copy.pending.get());
      published.push_back(&copy);
    }
  }
  if (!mails.empty()) {
    auto results = mailbox_->publish(mails);
    for (std::size_t i = 0; i < results.size(); ++i) published[i]->result = std::move(results[i]);
  }
  for (auto* copy : published) copy->pending.reset();
  mailbox_.reset();
}

store::IncomingMail LocalBatch::describe(const Letter& letter, std::uint32_t recipient) const {
  const auto& message = letter.attempt.message;
  const auto& address = message.envelope.recipients[recipient].address;
  // RFC 5321 §4.4: final delivery records the reverse-path.
  return {.name = store::delivery_file_name(message.delivery_name, recipient),
          .id = message.id,
          .sender = message.envelope.sender,
          .arrival = message.arrival,
          .head = mail::return_path_field(message.envelope.sender) + mail::delivered_to_field(address),
          .may_be_repeat = letter.attempt.may_be_repeat || message.states[recipient].attempts > 0};
}

void LocalBatch::fail(Copy& copy, Error error) {
  copy.pending.reset();
  copy.result = failure(std::move(error));
}

}  // namespace posthorn::service
