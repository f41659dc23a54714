// LocalBatch: the mails of one batch for one mailbox, and the blocking steps that bring them there. Internal to
// service/local_delivery; steps run on workers, everything else on the home loop while no step runs.
#pragma once

#include "service/delivery.hpp"
#include "service/local_delivery_places.hpp"
#include "world/loop.hpp"
#include "world/wait.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

/// One attempt under way.
struct Letter {
  Letter(world::Loop& loop, Attempt given) : attempt(std::move(given)), done(loop) {}

  Attempt attempt;
  std::string text;  ///< whole, if `is_held`
  bool is_held = false;
  AttemptResult result{};
  world::Event done;
};

class LocalBatch {
 public:
  LocalBatch(LocalPlaces& places, std::string destination, std::vector<Letter*> letters);

  [[nodiscard]] std::size_t letters() const { return letters_.size(); }
  [[nodiscard]] Letter& letter(std::size_t index) { return *letters_[index]; }
  [[nodiscard]] bool is_open() const { return mailbox_ != nullptr; }
  /// Why the mailbox could not be opened.
  [[nodiscard]] const std::optional<Error>& refusal() const { return refusal_; }

  // ---- steps, on workers ----
  /// Opens the mailbox; an error is every letter's.
  void open();
  /// Stages, writes and syncs the letters that are held: first, first + step, ….
  void write_held(std::size_t first, std::size_t step);
  /// The same in pieces, for one letter. False: it has failed for each of its recipients, go no further.
  [[nodiscard]] bool stage(std::size_t index);
  [[nodiscard]] bool append(std::size_t index, std::string_view bytes);
  void finish(std::size_t index);
  /// The text could not be read to its end.
  void give_up(std::size_t index, const Error& error);
  /// Publishes what was finished, and closes the mailbox.
  void publish();

  // ---- results, after publish() ----
  struct Copy {
    std::vector<std::uint32_t> recipients;
    store::IncomingMail mail{};  ///< until it is staged
    std::unique_ptr<store::PendingMail> pending{};
    Result<> result{};
    bool is_unreadable = false;  ///< it is the spool's text that is damaged, not the mailbox
  };
  [[nodiscard]] const std::vector<Copy>& copies(std::size_t index) const { return copies_[index]; }

 private:
  static void fail(Copy& copy, Error error);

  LocalPlaces& places_;
  std::string destination_;
  std::vector<Letter*> letters_;
  std::optional<Error> refusal_;
  std::unique_ptr<store::Mailbox> mailbox_;
  std::vector<std::vector<Copy>> copies_;  // per letter; they go before the mailbox
};

}  // namespace posthorn::service
