#include "store/delivery_desk.hpp"

#include <utility>

namespace posthorn::store {
namespace {

std::unexpected<Error> out_of_order(std::string_view what) {
  return failure(Error::Kind::corrupt, "the engine sent what may not come now: " + std::string{what});
}

}  // namespace

Result<std::vector<DeliveryDesk::Answer>> DeliveryDesk::take(std::uint16_t kind, std::string_view payload) {
  if (is_done()) return out_of_order("anything");
  auto answers = perform(kind, payload);
  if (!answers) end();
  return answers;
}

Result<std::vector<DeliveryDesk::Answer>> DeliveryDesk::perform(std::uint16_t kind, std::string_view payload) {
  Result<> done = out_of_order("a packet of an unknown kind");
  if (kind == static_cast<std::uint16_t>(DeliveryPacket::publish)) return publish(payload);
  if (kind == static_cast<std::uint16_t>(DeliveryPacket::stage)) done = stage(payload);
  if (kind == static_cast<std::uint16_t>(DeliveryPacket::text)) done = add_text(payload);
  if (kind == static_cast<std::uint16_t>(DeliveryPacket::finish)) done = finish(payload);
  if (kind == static_cast<std::uint16_t>(DeliveryPacket::drop)) done = drop(payload);
  if (!done) return failure(std::move(done.error()));
  return std::vector<Answer>{};
}

Result<> DeliveryDesk::stage(std::string_view payload) {
  auto staged = decode_staged_mail(payload);
  if (!staged) return failure(std::move(staged.error()));
  if (staged->place != mails_.size() || mails_.size() >= DeliveryLimits::mails) return out_of_order("a mail");
  auto& mail = mails_.emplace_back();
  auto pending = mailbox_->stage(std::move(staged->mail));
  if (pending) {
    mail.pending = std::move(*pending);
  } else {
    mail.result = failure(std::move(pending.error()));
  }
  return {};
}

DeliveryDesk::Mail* DeliveryDesk::mail_at(std::uint32_t place, Stage stage) {
  return place < mails_.size() && mails_[place].stage == stage ? &mails_[place] : nullptr;
}

Result<> DeliveryDesk::add_text(std::string_view payload) {
  const auto piece = decode_text_piece(payload);
  if (!piece) return failure(piece.error());
  auto* const mail = mail_at(piece->place, Stage::staged);
  if (mail == nullptr) return out_of_order("text");
  if (mail->pending == nullptr) return {};
  mail->result = mail->pending->append(piece->octets);
  if (!mail->result) mail->pending.reset();
  return {};
}

Result<> DeliveryDesk::finish(std::string_view payload) {
  const auto place = decode_place(payload);
  if (!place) return failure(place.error());
  auto* const mail = mail_at(*place, Stage::staged);
  if (mail == nullptr) return out_of_order("the end of a mail");
  mail->stage = Stage::finished;
  if (mail->pending == nullptr) return {};
  gathered_.push_back(*place);
  if (gathered_.size() >= settings_.parallel_syncs) sync_gathered();
  return {};
}

void DeliveryDesk::sync_gathered() {
  std::vector<Job> jobs;
  for (const auto place : gathered_) {
    if (auto& mail = mails_[place]; mail.pending != nullptr) {
      jobs.emplace_back([&mail] { mail.result = mail.pending->finish(); });
    }
  }
  run_all_(jobs);
  for (const auto place : gathered_) {
    if (!mails_[place].result) mails_[place].pending.reset();
  }
  gathered_.clear();
}

Result<> DeliveryDesk::drop(std::string_view payload) {
  const auto place = decode_place(payload);
  if (!place) return failure(place.error());
  if (mail_at(*place, Stage::staged) == nullptr && mail_at(*place, Stage::finished) == nullptr) {
    return out_of_order("a mail that is taken back");
  }
  mails_[*place].stage = Stage::dropped;
  mails_[*place].pending.reset();
  return {};
}

Result<std::vector<DeliveryDesk::Answer>> DeliveryDesk::publish(std::string_view payload) {
  const auto places = decode_places(payload);
  if (!places) return failure(places.error());
  sync_gathered();
  std::vector<PendingMail*> pending;
  std::vector<Mail*> published;
  for (const auto place : *places) {
    auto* const mail = mail_at(place, Stage::finished);
    if (mail == nullptr) return out_of_order("the order to publish");
    mail->stage = Stage::published;
    if (mail->pending == nullptr) continue;
    pending.push_back(mail->pending.get());
    published.push_back(mail);
  }
  if (!pending.empty()) {
    auto results = mailbox_->publish(pending);
    for (std::size_t i = 0; i < results.size(); ++i) published[i]->result = std::move(results[i]);
  }
  std::vector<Answer> answers;
  for (const auto place : *places) {
    answers.push_back({DeliveryPacket::result, encode(MailResult{.place = place, .result = mails_[place].result})});
  }
  answers.push_back({DeliveryPacket::published, {}});
  end();
  return answers;
}

void DeliveryDesk::end() {
  mails_.clear();
  mailbox_.reset();
}

}  // namespace posthorn::store
