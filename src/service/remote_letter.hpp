// RemoteLetter: one attempt on its way through hosts: which of its recipients are still open, and what became of each.
#pragma once

#include "rules/mx_plan.hpp"
#include "service/delivery.hpp"
#include "smtp/client_effect.hpp"

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
  /// Of the first recipient; all of an attempt go the same way.
  [[nodiscard]] std::string domain() const;
  [[nodiscard]] MessageId id() const { return attempt_.message.id; }
  [[nodiscard]] bool has_open() const { return !open_.empty(); }
  [[nodiscard]] store::MessageText& text() { return attempt_.text; }

  /// Somebody is open whom this host has not put off: nobody is asked twice in one attempt.
  [[nodiscard]] bool has_open_for(std::string_view host) const;
  /// The message for those, its text from the start.
  [[nodiscard]] smtp::ClientMessage begin(std::string_view host);
  /// What the session said of them. True: somebody was decided or may be tried elsewhere.
  void note(const smtp::MessageDone& done, std::string_view host);
  /// No session came about at this host.
  void note_unreachable(std::string_view host, std::string_view why);
  /// There is nowhere to go.
  void decide_all(const rules::Unroutable& why);
  void note_health(rules::Health health) { health_ = health; }
  /// What was said at this host, for the operator; the oldest goes when there is much.
  void keep_dialogue(std::string_view host, std::string_view lines);

  /// Those who are open are deferred with the last words that were said about them.
  [[nodiscard]] AttemptResult finish();

 private:
  [[nodiscard]] bool is_open_for(std::string_view host, std::uint32_t place) const {
    return !refused_.contains({std::string(host), place});
  }
  [[nodiscard]] RecipientResult result_of(std::uint32_t recipient, const smtp::Outcome& outcome,
                                          std::string_view host) const;

  Attempt attempt_;
  std::vector<std::uint32_t> open_;   // places in the envelope
  std::vector<RecipientResult> last_; // by place in the attempt's recipients: decided, or the last temporary word
  std::vector<std::size_t> index_of_; // of each of open_, its place in last_
  std::set<std::pair<std::string, std::uint32_t>> refused_;  // put off: by which host, whom
  rules::Health health_ = rules::Health::unreachable;
  std::string dialogue_;
};

}  // namespace posthorn::service
