// The other side of the hand-over folders: what a sender does with the letters that wait there. It reads a letter's envelope
// from its first lines and its text in wire form, and takes it away or sets it aside in error/, durably, when its fate is
// known. Letters are other programs' work too: nothing in them is believed before it parses.
#pragma once

#include "mail/address.hpp"
#include "mail/domain.hpp"
#include "store/handover.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::store {

struct LetterEnvelope {
  std::optional<mail::Address> sender;  ///< none: the null reverse-path
  std::vector<mail::Address> recipients;
  std::uint64_t text_offset = 0;  ///< where the text begins in the file
};

/// Held by whoever sends letters, so that no other does at the same time; `in_use` if another does, `not_found` if nothing
/// was ever handed over. `root` is the mail root.
[[nodiscard]] Result<std::unique_ptr<world::FileLock>> lock_letters(world::Disk& disk, const std::string& root);

/// The domains that have a folder, under their canonical names; others are left alone. `root` is the mail root.
[[nodiscard]] Result<std::vector<mail::Domain>> domains_with_letters(world::Disk& disk, const std::string& root);

class HandOverLetters {
 public:
  static constexpr std::size_t largest_head = 1U << 20;  ///< octets

  /// Errors: `not_found`: nothing was ever handed over for that domain.
  [[nodiscard]] static Result<HandOverLetters> open(world::Disk& disk, const std::string& root,
                                                    const mail::Domain& domain);

  /// Names of the letters that wait, in order of their names, which is that of their arrival.
  [[nodiscard]] Result<std::vector<std::string>> names();
  /// Error `invalid`: the first lines are not those of a letter; its text says why.
  [[nodiscard]] Result<LetterEnvelope> envelope_of(std::string_view name);
  /// Gives the text to `take` in pieces, with CRLF, until its end or an error of `take`.
  [[nodiscard]] Result<> read_text(std::string_view name, const LetterEnvelope& envelope,
                                   std::function<Result<>(std::string_view)> take);
  /// The text alone, as a file of its own, as it stands there (LF or CRLF).
  [[nodiscard]] Result<std::unique_ptr<world::File>> text_of(std::string_view name, const LetterEnvelope& envelope);
  /// It is somebody else's responsibility now.
  [[nodiscard]] Result<> remove(std::string_view name);
  /// For the others among its recipients it is; these still wait.
  [[nodiscard]] Result<> keep_for(std::string_view name, const LetterEnvelope& envelope,
                                  std::span<const mail::Address> waiting);
  /// It cannot be sent. A letter of that name in error/ is not replaced: `exists`. After a power cut in the middle it may
  /// stand in both places, never in none.
  [[nodiscard]] Result<> set_aside(std::string_view name);
  /// The same for these of its recipients; the letter stays where it is, too. One that is in error/ already stays as it is.
  [[nodiscard]] Result<> set_aside_for(std::string_view name, const LetterEnvelope& envelope,
                                       std::span<const mail::Address> refused);

 private:
  [[nodiscard]] Result<> write_copy(std::string_view name, const LetterEnvelope& envelope,
                                    std::span<const mail::Address> recipients, world::Folder& into);
  HandOverLetters(std::unique_ptr<world::Folder> letters, std::unique_ptr<world::Folder> errors)
      : letters_(std::move(letters)), errors_(std::move(errors)) {}

  std::unique_ptr<world::Folder> letters_;
  std::unique_ptr<world::Folder> errors_;
};

}  // namespace posthorn::store
