// DropBox: where one account of the machine puts letters for the server, which may run or not: a folder of its own within the
// drop folder, which nobody else but the server may look into. A letter whose finish() returned success is durable and
// whole; one that was not finished is nothing to the server. Needs no rights but those of the account.
// docs/decisions/0060-the-drop-folder.md says who may do what there. Blocks.
#pragma once

#include "base/time.hpp"
#include "mail/envelope.hpp"
#include "world/disk.hpp"
#include "world/random.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace posthorn::store {

/// Everybody may enter and make a folder of their own; only its owner and the server may remove it (sticky), and what is made
/// in it belongs to the server's group (set-group-id).
inline constexpr unsigned drop_folder_mode = 03777;
inline constexpr unsigned drop_box_mode = 0770;

class DropWriter {
 public:
  DropWriter(std::shared_ptr<world::Folder> folder, std::unique_ptr<world::File> file, std::string name);
  DropWriter(DropWriter&&) noexcept = default;
  DropWriter& operator=(DropWriter&&) = delete;
  /// Removes a letter that was not finished.
  ~DropWriter();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Result<> append(std::string_view octets);
  /// Syncs it and gives it to the server. After an error it may or may not be there: only when the sync of the folder failed.
  [[nodiscard]] Result<> finish();

 private:
  std::shared_ptr<world::Folder> folder_;
  std::unique_ptr<world::File> file_;
  std::string name_;
  std::uint64_t octets_ = 0;
  bool is_over_ = false;
};

class DropBox {
 public:
  /// Makes what is missing, as far as the account may. Errors: those of the disk; `in_use`: others hold every name that the
  /// box could have.
  [[nodiscard]] static Result<DropBox> open(world::Disk& disk, const std::string& path, unsigned user,
                                            world::Random& random);

  [[nodiscard]] Result<DropWriter> begin(const mail::Envelope& envelope, WallTime now, world::Random& random);

 private:
  explicit DropBox(std::shared_ptr<world::Folder> folder) : folder_(std::move(folder)) {}

  std::shared_ptr<world::Folder> folder_;
};

/// The ending of a letter that is being written.
inline constexpr std::string_view unfinished_ending = ".new";
/// The name of a letter: 16 hexadecimal digits of the time in microseconds, so that letters stay in order, 16 of chance.
inline constexpr std::size_t drop_name_digits = 32;

}  // namespace posthorn::store
