// RemoteLetter: one attempt on its way through hosts: which of its recipients are still open, and what became of each; and
// its text, also in 7 bits for hosts that take nothing else.
#pragma once

#include "rules/mx_plan.hpp"
#include "service/delivery.hpp"
#include "service/seven_bit_text.hpp"
#include "service/text_source.hpp"
#include "smtp/client_effect.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn::service {

class RemoteLetter {
 public:
  explicit RemoteLetter(Attempt attempt);

  [[nodiscard]] const std::string& destination() const { return attempt_.destination; }
  /// The destination is known under this name. False: it is not our turn there, result_elsewhere() ends the attempt.
  [[nodiscard]] bool moves_to(const std::string& destination);
  [[nodiscard]] AttemptResult result_elsewhere();
  /// Of the first recipient; all of an attempt go the same way.
  [[nodiscard]] std::string domain() const;
  [[nodiscard]] MessageId id() const { return attempt_.message.id; }
  [[nodiscard]] bool may_be_repeat() const { return attempt_.may_be_repeat; }
  [[nodiscard]] std::size_t open() const { return open_.size(); }
  [[nodiscard]] bool has_open() const { return !open_.empty(); }
  [[nodiscard]] const mail::Envelope& envelope() const { return attempt_.message.envelope; }

  /// Somebody is open whom this host has not put off: nobody is asked twice in one attempt.
  [[nodiscard]] bool has_open_for(std::string_view host) const;
  /// The message for those, its text from the start, as it came or (once convert() has said yes) converted.
  [[nodiscard]] smtp::ClientMessage begin(std::string_view host, bool in_seven_bits);
  /// What begin() has rewound.
  [[nodiscard]] TextSource& text(bool in_seven_bits);
  /// Finds out whether the text can be converted for a server that takes 7 bits only, and how long it becomes. An error
  /// that is `unsupported` is for ever.
  [[nodiscard]] world::Task<Result<>> convert(world::Loop& loop);
  /// What the session said of them.
  void note(const smtp::MessageDone& done, std::string_view host);
  /// The text cannot be given to this server.
  void note_inconvertible(const Error& why, std::string_view host);
  /// No session came about at this host.
  void note_unreachable(std::string_view host, std::string_view why);
  /// There is nowhere to go.
  void decide_all(const rules::Unroutable& why);
  /// What was said at this host, for the operator; the oldest goes when there is much.
  void keep_dialogue(std::string_view host, std::string_view lines);
  /// The session goes on after what it said: the host is there, whatever we found out about the message before it had a say.
  void note_served() {
    if (health_ == rules::Health::unreachable) health_ = rules::Health::answered;
  }
  /// The session broke in the middle: the host is there, and something about it or the message is wrong.
  void note_broken() {
    if (health_ == rules::Health::unreachable) health_ = rules::Health::throttled;
  }

  /// Those who are open are deferred with the last words that were said about them.
  [[nodiscard]] AttemptResult finish();

 private:
  [[nodiscard]] bool is_open_for(std::string_view host, std::uint32_t place) const {
    return !refused_.contains({std::string(host), place});
  }
  [[nodiscard]] RecipientResult result_of(std::uint32_t recipient, const smtp::Outcome& outcome,
                                          std::string_view host) const;

  Attempt attempt_;
  SpoolText original_;
  std::optional<SevenBitText> converted_;
  std::vector<std::uint32_t> open_;    // places in the envelope
  std::vector<RecipientResult> last_;  // by place in the attempt's recipients: decided, or the last temporary word
  std::vector<std::size_t> index_of_;  // of each of open_, its place in last_
  std::set<std::pair<std::string, std::uint32_t>> refused_;  // put off: by which host, whom
  rules::Health health_ = rules::Health::unreachable;
  std::string dialogue_;
};

}  // namespace posthorn::service
