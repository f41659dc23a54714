// SendEntries: the folder in which `posthorn send` keeps what it tries again in the background. An entry is there whole and
// durable, or not at all. Of an entry ID there are: ID.json (SendEntry), ID.eml (the text), ID.log (what happened), ID.lock
// (held by whoever works on it), ID.cancel (it is to end). Nothing in it is readable for others.
#pragma once

#include "service/file_letter.hpp"
#include "service/send_entry.hpp"
#include "world/disk.hpp"
#include "world/random.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace posthorn::service {

class SendEntries {
 public:
  /// Makes the folder if need be. Errors: of the disk.
  [[nodiscard]] static Result<SendEntries> open(world::Disk& disk, const std::string& path);

  /// Gives the entry an id and writes it with its text. After an error nothing of it is left. Errors: no_space, …
  [[nodiscard]] Result<> add(SendEntry& entry, LetterReader& text, world::Random& random);
  /// Replaces what is known of it.
  [[nodiscard]] Result<> update(const SendEntry& entry);
  /// Errors: not_found, corrupt.
  [[nodiscard]] Result<SendEntry> read(const std::string& id);
  [[nodiscard]] Result<std::unique_ptr<world::File>> open_text(const std::string& id);
  /// Everything but the log.
  [[nodiscard]] Result<> remove(const std::string& id);
  /// The same, and the request to end stays, for who made it to see that it was heard.
  [[nodiscard]] Result<> remove_as_asked(const std::string& id);
  /// In the order of their ids.
  [[nodiscard]] Result<std::vector<std::string>> ids();

  /// `in_use`: somebody works on it.
  [[nodiscard]] Result<std::unique_ptr<world::FileLock>> lock(const std::string& id, Duration wait);
  /// Whoever works on it is to end.
  [[nodiscard]] Result<> ask_to_cancel(const std::string& id);
  [[nodiscard]] bool is_cancelled(const std::string& id);

  /// Removes logs of entries that are gone, but for so many of the newest, and what a crash has left of entries that were being
  /// made or removed, after a day.
  [[nodiscard]] Result<> prune(std::size_t kept_logs, WallTime now);
  [[nodiscard]] world::Folder& folder() { return *folder_; }
  [[nodiscard]] std::string log_path(const std::string& id) const { return folder_->path() + "/" + id + ".log"; }

 private:
  explicit SendEntries(std::unique_ptr<world::Folder> folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Result<> write_file(const std::string& name, LetterReader& text);
  [[nodiscard]] Result<> write_file(const std::string& name, std::string_view text);
  [[nodiscard]] bool has(const std::string& name);
  [[nodiscard]] bool is_stray(std::string_view name);
  [[nodiscard]] Result<> remove_parts(const std::string& id, std::span<const std::string_view> endings);
  [[nodiscard]] Result<> remove_if_there(const std::string& name);

  std::unique_ptr<world::Folder> folder_;
};

}  // namespace posthorn::service
