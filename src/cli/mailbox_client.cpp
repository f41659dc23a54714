#include "cli/mailbox_client.hpp"

#include "base/assert.hpp"
#include "store/delivery_wire.hpp"
#include "system/forked_workers.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace posthorn::cli {
namespace {

using store::DeliveryLimits;
using store::DeliveryPacket;

constexpr int tries = 2;  // a process that has just ended is found out by the first

std::uint16_t number_of(DeliveryPacket kind) { return static_cast<std::uint16_t>(kind); }

Error about(const std::string& user, Error error) {
  return std::move(error).context("the process that writes the mail of " + user);
}

/// One batch, in the hands of a worker.
class RemoteMailbox final : public store::Mailbox {
 public:
  RemoteMailbox(std::shared_ptr<system::ControlChannel> channel, std::string user, MailboxClient::Settings settings)
      : channel_(std::move(channel)), user_(std::move(user)), settings_(settings) {}
  ~RemoteMailbox() override { channel_->hang_up(); }

  /// Whether the worker has opened it.
  [[nodiscard]] Result<> wait_for_opening();
  [[nodiscard]] Result<std::unique_ptr<store::PendingMail>> stage(store::IncomingMail mail) override;
  [[nodiscard]] std::vector<Result<>> publish(std::span<store::PendingMail* const> mails) override;
  [[nodiscard]] Result<> tell(DeliveryPacket kind, std::string_view payload);
  void drop(std::uint32_t place);

 private:
  using Results = std::map<std::uint32_t, Result<>>;

  [[nodiscard]] Result<> take_results(Results& results);

  std::shared_ptr<system::ControlChannel> channel_;
  std::string user_;
  MailboxClient::Settings settings_;
  std::mutex mutex_;  // of the order of places, and of what follows
  std::uint32_t next_place_ = 0;
  std::optional<Error> broken_;
  bool is_over_ = false;
};

class RemoteMail final : public store::PendingMail {
 public:
  RemoteMail(RemoteMailbox& mailbox, std::uint32_t place) : mailbox_(mailbox), place_(place) {}
  ~RemoteMail() override { mailbox_.drop(place_); }

  [[nodiscard]] Result<> append(std::string_view bytes) override {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), DeliveryLimits::piece))) {
      const auto piece = encode(store::TextPiece{.place = place_, .octets = bytes.substr(0, DeliveryLimits::piece)});
      if (auto told = mailbox_.tell(DeliveryPacket::text, piece); !told) return told;
    }
    return {};
  }
  [[nodiscard]] Result<> finish() override {
    return mailbox_.tell(DeliveryPacket::finish, store::encode_place(place_));
  }
  [[nodiscard]] std::uint32_t place() const { return place_; }

 private:
  RemoteMailbox& mailbox_;
  std::uint32_t place_;
};

Result<> RemoteMailbox::wait_for_opening() {
  const auto answer = channel_->receive(settings_.for_worker);
  if (!answer) return failure(about(user_, answer.error()));
  if (answer->kind == number_of(DeliveryPacket::opened) && answer->payload.empty()) return {};
  if (answer->kind != number_of(DeliveryPacket::refused)) {
    return failure(about(user_, {Error::Kind::corrupt, "answers with something else than a mailbox"}));
  }
  auto refusal = store::decode_error(answer->payload);
  return failure(refusal ? std::move(*refusal) : about(user_, std::move(refusal.error())));
}

/// After the first that fails none is tried: each would wait as long.
Result<> RemoteMailbox::tell(DeliveryPacket kind, std::string_view payload) {
  {
    const std::scoped_lock guard{mutex_};
    if (broken_) return failure(*broken_);
  }
  auto sent = channel_->send(number_of(kind), payload, {}, settings_.for_worker);
  if (sent) return {};
  auto error = about(user_, std::move(sent.error()));
  const std::scoped_lock guard{mutex_};
  broken_ = error;
  return failure(std::move(error));
}

Result<std::unique_ptr<store::PendingMail>> RemoteMailbox::stage(store::IncomingMail mail) {
  const std::scoped_lock guard{mutex_};
  if (broken_) return failure(*broken_);
  if (next_place_ >= DeliveryLimits::mails)
    return failure(Error::Kind::other, "too many mails at once: the rest comes later");
  const auto packet = encode(store::StagedMail{.place = next_place_, .mail = std::move(mail)});
  if (auto sent = channel_->send(number_of(DeliveryPacket::stage), packet, {}, settings_.for_worker); !sent) {
    broken_ = about(user_, std::move(sent.error()));
    return failure(*broken_);
  }
  return std::make_unique<RemoteMail>(*this, next_place_++);
}

void RemoteMailbox::drop(std::uint32_t place) {
  {
    const std::scoped_lock guard{mutex_};
    if (is_over_) return;
  }
  static_cast<void>(tell(DeliveryPacket::drop, store::encode_place(place)));
}

std::vector<Result<>> RemoteMailbox::publish(std::span<store::PendingMail* const> mails) {
  std::vector<std::uint32_t> places;
  for (auto* const mail : mails) {
    const auto* const remote = dynamic_cast<RemoteMail*>(mail);
    ensure(remote != nullptr, "a mailbox publishes what it staged");
    places.push_back(remote->place());
  }
  Results known;
  auto done = tell(DeliveryPacket::publish, store::encode_places(places));
  if (done) done = take_results(known);
  {
    const std::scoped_lock guard{mutex_};
    is_over_ = true;
  }
  if (done) done = failure(about(user_, {Error::Kind::corrupt, "gives no result"}));
  std::vector<Result<>> results;
  for (const auto place : places) {
    const auto found = known.find(place);
    results.push_back(found == known.end() ? done : found->second);
  }
  return results;
}

Result<> RemoteMailbox::take_results(Results& results) {
  for (;;) {
    const auto answer = channel_->receive(settings_.for_result);
    if (!answer) return failure(about(user_, answer.error()));
    if (answer->kind == number_of(DeliveryPacket::published)) return {};
    auto result = store::decode_mail_result(answer->payload);
    const bool fits = answer->kind == number_of(DeliveryPacket::result) && result && result->place < next_place_;
    if (!fits) return failure(about(user_, {Error::Kind::corrupt, "answers with something else than a result"}));
    results.insert_or_assign(result->place, std::move(result->result));
  }
}

}  // namespace

void MailboxClient::connect(system::ControlChannel channel) {
  const std::scoped_lock guard{mutex_};
  process_ = std::make_shared<system::ControlChannel>(std::move(channel));
  wake_.notify_all();
}

std::shared_ptr<system::ControlChannel> MailboxClient::wait_for_process() {
  std::unique_lock lock{mutex_};
  wake_.wait_for(lock, settings_.for_process, [this] { return process_ != nullptr || is_stopped_; });
  return is_stopped_ ? nullptr : process_;
}

void MailboxClient::stop() {
  const std::scoped_lock guard{mutex_};
  is_stopped_ = true;
  for (const auto& worker : workers_) {
    if (const auto channel = worker.lock()) channel->hang_up();
  }
  wake_.notify_all();
}

/// False: nothing is begun any more.
bool MailboxClient::note(const std::shared_ptr<system::ControlChannel>& worker) {
  const std::scoped_lock guard{mutex_};
  std::erase_if(workers_, [](const auto& each) { return each.expired(); });
  workers_.push_back(worker);
  return !is_stopped_;
}

void MailboxClient::lose(const std::shared_ptr<system::ControlChannel>& process) {
  const std::scoped_lock guard{mutex_};
  if (process_ == process) process_.reset();
}

Result<> MailboxClient::order(const mail::UserName& user, int channel) {
  for (int count = 0; count < tries; ++count) {
    const auto process = wait_for_process();
    if (process == nullptr) break;
    const auto sent = process->send(static_cast<std::uint16_t>(system::WorkPacket::work), user.text(), {&channel, 1});
    if (sent || sent.error().kind == Error::Kind::timed_out) return sent;
    lose(process);
  }
  return failure(Error::Kind::ended, "the process that writes users' mail has gone, and is not yet started again");
}

Result<std::unique_ptr<store::Mailbox>> MailboxClient::open(const store::MailboxTarget& target) {
  auto ends = system::ControlChannel::make_pair();
  if (!ends) return failure(std::move(ends.error()));
  {
    // Its own end is the worker's alone, so that we see when it ends.
    const auto theirs = std::move(ends->second);
    if (auto ordered = order(target.user, theirs.descriptor()); !ordered) return failure(std::move(ordered.error()));
  }
  auto worker = std::make_shared<system::ControlChannel>(std::move(ends->first));
  if (!note(worker)) return failure(Error::Kind::closed, "the server is stopping");
  auto mailbox = std::make_unique<RemoteMailbox>(std::move(worker), target.user.text(), settings_);
  if (auto opened = mailbox->wait_for_opening(); !opened) return failure(std::move(opened.error()));
  return mailbox;
}

}  // namespace posthorn::cli
