// DropFolder: the server's side of the drop folder. Everybody on the machine may have a box in it and put whatever there:
// nothing is followed, opened or read that could be other than a plain file of its box's owner, and each count is bounded.
// A letter is claimed before it is stored: a file beside it is named by it and by the id that the spool will know it by, durably, so
// that after a crash it is clear whether the spool has it. (Not by a new name for the letter: a file system without a journal
// may lose what is renamed.) Blocks.
#pragma once

#include "base/message_id.hpp"
#include "store/drop_letter.hpp"
#include "world/disk.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace posthorn::store {

struct DropName {
  std::string box;
  std::string letter;               ///< the name of its file there
  std::vector<MessageId> claims{};  ///< it was about to be stored as one of these

  /// For people.
  [[nodiscard]] std::string text() const { return box + "/" + letter; }
};

/// A letter, open.
struct OpenDropLetter {
  DropLetter letter;
  std::unique_ptr<world::File> file;
  std::uint64_t octets = 0;  ///< of the file
  unsigned owner = 0;        ///< the account that wrote it
};

struct DropFinds {
  std::vector<DropName> letters;    ///< in the order of their names in each box
  std::vector<std::string> faults;  ///< boxes that cannot be looked into, and why
};

class DropFolder {
 public:
  struct Settings {
    std::size_t boxes = 10'000;  ///< looked into at a time
    std::size_t per_box = 64;    ///< letters taken from one box at a time, so that nobody waits for another's flood
    std::uint64_t folder_octets = 64U << 20;            ///< a box whose list is longer than this is not read
    Duration unfinished_life = std::chrono::hours{48};  ///< what was never finished goes after it
  };

  /// Makes it if it is not there.
  [[nodiscard]] static Result<DropFolder> open(world::Disk& disk, const std::string& path);
  /// What lies there already.
  DropFolder(std::unique_ptr<world::Folder> folder, const Settings& settings)
      : folder_(std::move(folder)), settings_(settings) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] world::Folder& folder() { return *folder_; }

  enum class Which : std::uint8_t {
    next,     ///< so many of each box
    claimed,  ///< all that have one
  };

  /// The letters that wait. Removes what was begun and never finished, and claims whose letters are gone.
  [[nodiscard]] Result<DropFinds> find(Which which, WallTime now);
  /// Errors: `invalid` (no letter: set it aside), `not_permitted` (a link, or not of the box's owner: the same), not_found, io.
  [[nodiscard]] Result<OpenDropLetter> open_letter(const DropName& name);
  /// Durable when it returns.
  [[nodiscard]] Result<DropName> claim(DropName name, MessageId id);
  /// Durable when it returns; its claims go after it.
  [[nodiscard]] Result<> remove(const DropName& name);
  /// It stays in its box, where its owner finds it, under a name that is no letter's.
  [[nodiscard]] Result<> set_aside(const DropName& name);

 private:
  [[nodiscard]] Result<std::unique_ptr<world::Folder>> open_box(const std::string& box);
  [[nodiscard]] Result<> look_into(const std::string& box, Which which, WallTime now, DropFinds& finds);

  std::unique_ptr<world::Folder> folder_;
  Settings settings_;
  std::string path_;
};

inline constexpr std::string_view set_aside_ending = ".refused";

}  // namespace posthorn::store
