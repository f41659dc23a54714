#include "service/send_attempt.hpp"

#include <algorithm>
#include <utility>

namespace posthorn::service {

using Kind = smtp::Outcome::Kind;

world::Task<rules::SendReport> SendAttempt::run() {
  report_.outcomes.resize(order_.recipients.size());
  for (bool in_the_clear = false;; in_the_clear = true) {
    auto connection = co_await connect_to(world_.network, access_, in_the_clear, watcher_);
    if (!connection) {
      note_unreachable(connection.error());
      co_return std::move(report_);
    }
    report_.end = co_await converse(**connection);
    if (in_the_clear || !may_go_on_in_the_clear(access_, report_.end)) co_return std::move(report_);
  }
}

world::Task<std::optional<smtp::SessionEnd>> SendAttempt::converse(OutgoingConnection& connection) {
  auto end = co_await connection.open();
  if (end) co_return end;
  auto text = co_await prepare(connection);
  if (!text) {
    report_.unreadable = text.error().text;
    co_await connection.quit();
    co_return std::nullopt;
  }
  watcher_.on_size((*text)->octets());
  while (!end && connection.is_usable()) {
    (*text)->rewind();
    auto sent = co_await connection.send(next_message(**text), **text);
    note(sent.done);
    end = std::move(sent.end);
    const bool all_tried = std::ranges::count(sent.done.outcomes, Kind::untried, &smtp::Outcome::kind) == 0;
    if (all_tried) break;
  }
  if (!end) co_await connection.quit();
  co_return end;
}

world::Task<Result<std::unique_ptr<LetterText>>> SendAttempt::prepare(const OutgoingConnection& connection) {
  auto reader = order_.letter.read(connection.peer().eight_bit_mime);
  body_ = reader.body();
  smtputf8_ = reader.needs_smtputf8();
  const auto octets =
      co_await world::on_workers(world_.workers, world_.network.loop, [&reader] { return reader.measure(); });
  if (!octets) co_return failure(octets.error());
  co_return std::make_unique<LetterText>(std::move(reader), *octets, world_.workers);
}

smtp::ClientMessage SendAttempt::next_message(const LetterText& text) {
  smtp::ClientMessage message{.size = text.octets(), .needs_smtputf8 = smtputf8_};
  message.envelope.sender = order_.sender;
  message.envelope.body = body_;
  tried_.clear();
  for (std::size_t place = 0; place < order_.recipients.size(); ++place) {
    if (report_.outcomes[place].kind != Kind::untried) continue;
    message.envelope.recipients.push_back({.address = order_.recipients[place]});
    tried_.push_back(place);
  }
  return message;
}

void SendAttempt::note_unreachable(const Error& error) {
  if (error.kind == Error::Kind::tls) {
    report_.end = {.reason = smtp::SessionEnd::Reason::tls_failed, .step = smtp::Step::starttls, .text = error.text};
  } else {
    report_.unreachable = error.text;
  }
}

void SendAttempt::note(const smtp::MessageDone& done) {
  for (std::size_t at = 0; at < tried_.size(); ++at) report_.outcomes[tried_[at]] = done.outcomes.at(at);
}

}  // namespace posthorn::service
