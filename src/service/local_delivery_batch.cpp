#include "service/local_delivery_batch.hpp"

#include "base/planted_fault.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {

LocalBatch::LocalBatch(LocalPlaces& places, std::string destination, std::vector<Letter*> letters)
    : places_(places), destination_(std::move(destination)), letters_(std::move(letters)) {}

void LocalBatch::open() {
  for (const auto* letter : letters_) {
    auto& copies = copies_.emplace_back();
    for (auto& copy : places_.copies_of(letter->attempt)) {
      copies.push_back({.recipients = std::move(copy.recipients), .mail = std::move(copy.mail)});
    }
  }
  auto mailbox = places_.open(destination_);
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
    auto staged = mailbox_->stage(std::move(copy.mail));
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
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!planted(PlantedFault::local_publish_error_ignored)) published[i]->result = std::move(results[i]);
    }
  }
  for (auto* copy : published) copy->pending.reset();
  mailbox_.reset();
}

void LocalBatch::fail(Copy& copy, Error error) {
  copy.pending.reset();
  copy.result = failure(std::move(error));
}

}  // namespace posthorn::service
