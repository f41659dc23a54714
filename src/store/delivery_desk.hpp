// DeliveryDesk: what a worker does for the engine with one user's mailbox: it takes packets (store/delivery_wire), has the
// mailbox carry them out, and gives the packets of the answer back. No socket here.
//
//              stage, text, finish, drop                publish
//     GATHERING <-------------------->  GATHERING  ----------------> DONE
//          |                                 |
//          +--- a packet that does not fit --+----> DONE (and what was staged is taken away)
//
// A mail: STAGED --text*--> STAGED --finish--> FINISHED; drop takes it away from either. What goes wrong with a mail is told with
// its result, when all is published; the others go on. A success is told only when the mail is durable.
#pragma once

#include "store/delivery_wire.hpp"
#include "store/mailbox.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

class DeliveryDesk {
 public:
  struct Settings {
    std::size_t parallel_syncs = 8;  ///< mails that are finished at the same time
  };
  using Job = std::function<void()>;
  /// Runs all of them, at the same time or one by one, and comes back when they are done.
  using RunAll = std::function<void(std::span<const Job>)>;
  struct Answer {
    DeliveryPacket kind = DeliveryPacket::published;
    std::string payload;
  };

  DeliveryDesk(std::unique_ptr<Mailbox> mailbox, RunAll run_all, Settings settings)
      : mailbox_(std::move(mailbox)), run_all_(std::move(run_all)), settings_(settings) {}

  /// Blocks. Errors: corrupt (the packet is malformed or out of order; nothing more is taken).
  [[nodiscard]] Result<std::vector<Answer>> take(std::uint16_t kind, std::string_view payload);
  /// Published, or broken off.
  [[nodiscard]] bool is_done() const { return mailbox_ == nullptr; }

 private:
  enum class Stage : std::uint8_t { staged, finished, dropped, published };
  struct Mail {
    Stage stage = Stage::staged;
    std::unique_ptr<PendingMail> pending;  ///< none: it has failed, or is gone
    Result<> result{};
  };

  [[nodiscard]] Result<std::vector<Answer>> perform(std::uint16_t kind, std::string_view payload);
  [[nodiscard]] Result<> stage(std::string_view payload);
  [[nodiscard]] Result<> add_text(std::string_view payload);
  [[nodiscard]] Result<> finish(std::string_view payload);
  [[nodiscard]] Result<> drop(std::string_view payload);
  [[nodiscard]] Result<std::vector<Answer>> publish(std::string_view payload);
  [[nodiscard]] Mail* mail_at(std::uint32_t place, Stage stage);
  void sync_gathered();
  void end();

  std::unique_ptr<Mailbox> mailbox_;
  RunAll run_all_;
  Settings settings_;
  std::vector<Mail> mails_;            // they go before the mailbox
  std::vector<std::size_t> gathered_;  // finished, and not yet durable
};

}  // namespace posthorn::store
